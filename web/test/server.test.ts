import { afterEach, expect, test, vi } from "vitest";
import { address } from "../src/server/base";
import { Connection, type Reach } from "../src/server/connection";
import { errorOf } from "../src/server/errors";

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

test.each([
  ['{"code": "thread_busy", "detail": "it runs", "request_id": "r1"}', "thread_busy", "it runs", "r1"],
  ['{"code": 5, "message": "m"}', "http_409", "m", null],
  ["<html>nginx</html>", "http_409", "409 Conflict", null],
  ["[]", "http_409", "409 Conflict", null],
  ["null", "http_409", "409 Conflict", null],
  ["", "http_409", "409 Conflict", null],
])("%s is an error", async (body, code, detail, requestId) => {
  const error = await errorOf(new Response(body, { status: 409, statusText: "Conflict" }));

  expect([error.status, error.code, error.detail, error.requestId]).toEqual([409, code, detail, requestId]);
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
