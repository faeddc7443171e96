import { expect, test } from "vitest";
import { mebibytes, readFiles, togetherOf } from "../../src/chat/files";

const MIB = 2 ** 20;

test.each([
  [5 * MIB, "5"],
  [1.55 * MIB, "1.5"],
  [0.1 * MIB, "0.1"],
  [25.9 * MIB, "25"],
])("%i bytes are %s MiB", (bytes, text) => {
  expect(mebibytes(bytes)).toBe(text);
});

test("a file that the server wouldn't accept, alone or with the others, is refused by name", async () => {
  const limits = { limit_bytes: 10, together_bytes: 20 };
  const file = (name: string, size: number) => new File(["x".repeat(size)], name);

  expect(togetherOf(limits)).toBe(15);
  expect(await readFiles([file("large", 11)], [], limits)).toMatchObject({ files: [], refused: ["large"] });
  const attached = { kind: "file", name: "a", mime: "", url: "x".repeat(16) } as const;
  expect(await readFiles([file("more", 6)], [attached], limits)).toMatchObject({ refused: ["more"] });
});
