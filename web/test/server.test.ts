import { afterEach, expect, test, vi } from "vitest";
import { address } from "../src/server/base";
import { Connection, type Reach } from "../src/server/connection";

afterEach(() => {
  vi.useRealTimers();
});

test.each([
  ["http://h/", "info", "http://h/info"],
  ["http://h/#/agent/chat", "/agent/runs", "http://h/agent/runs"],
  ["https://h/ai/v1/?x=1#/agent", "agent/runs?limit=1", "https://h/ai/v1/agent/runs?limit=1"],
  ["http://h/ai/index.html", "info", "http://h/ai/info"],
  ["http://h/ai/", "//evil.example/x", "http://h/ai/evil.example/x"],
  ["http://h/ai/", "a b:c/runs", "http://h/ai/a%20b:c/runs"],
])("from %s, %s is at %s", (base, path, url) => {
  expect(address(path, base).href).toBe(url);
});

test("a lost server is asked, less and less often, until it answers", async () => {
  vi.useFakeTimers();
  let asked = 0;
  const connection = new Connection(
    async () => {
      if (++asked < 4) throw new Error("nobody there");
    },
    () => asked > 1,
  );
  const seen: Reach[] = [];
  connection.watch((reach) => seen.push(reach));

  connection.lost();
  connection.lost();
  await vi.advanceTimersByTimeAsync(500);
  expect(asked).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toBe(2);
  await vi.runAllTimersAsync();

  expect(asked).toBe(4);
  expect(seen).toEqual(["offline", "gone", "reached"]);
});
