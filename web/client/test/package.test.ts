import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";

const FOLDER = join(import.meta.dirname, "..");
const LIMIT_BYTES = 4_096;
const PATIENCE_MS = 120_000; // other programs are run

test(
  "it is small",
  async () => {
    const built = await build({
      configFile: false,
      logLevel: "silent",
      build: {
        write: false,
        target: "es2022",
        lib: { entry: join(FOLDER, "src", "index.ts"), formats: ["es"], fileName: "client" },
      },
    });
    const [output] = Array.isArray(built) ? built : [];
    const chunk = output?.output[0];

    expect(output?.output).toHaveLength(1);
    expect(gzipSync(chunk?.type === "chunk" ? chunk.code : "", { level: 9 }).length).toBeLessThan(
      LIMIT_BYTES,
    );
    expect(chunk?.type === "chunk" && chunk.code.length).toBeGreaterThan(LIMIT_BYTES);
  },
  PATIENCE_MS,
);

test(
  "the package has its code, its types, and what people read",
  () => {
    const packed = execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: FOLDER, encoding: "utf8" });
    const [{ files }] = JSON.parse(packed.slice(packed.indexOf("["))) as [{ files: { path: string }[] }];
    const names = files.map((each) => each.path);
    const sources = ["client", "connection", "errors", "events", "follower", "index", "patience", "sse"];

    expect(names.sort()).toEqual(
      [
        "LICENSE",
        "README.md",
        "package.json",
        ...sources.flatMap((each) => [`dist/${each}.d.ts`, `dist/${each}.js`]),
      ].sort(),
    );
    for (const name of names.filter((each) => each.endsWith(".js"))) {
      const text = readFileSync(join(FOLDER, name), "utf8");
      expect(text).not.toContain("sourceMappingURL");
      expect(text).not.toMatch(/from "\.[^"]*\.ts"/);
    }
  },
  PATIENCE_MS,
);

test("its licence is the project's", () => {
  const [own, project] = [join(FOLDER, "LICENSE"), join(FOLDER, "..", "..", "LICENSE")];

  expect(readFileSync(own, "utf8")).toBe(readFileSync(project, "utf8"));
});
