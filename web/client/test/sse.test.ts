import fc from "fast-check";
import { expect, test } from "vitest";
import { SseParser, type Frame } from "../src/index.ts";

/** Return the frames of a stream that arrives in these pieces. */
function parse(...pieces: (string | Uint8Array)[]): Frame[] {
  const parser = new SseParser();
  const encoder = new TextEncoder();
  return pieces.flatMap((each) => parser.push(typeof each === "string" ? encoder.encode(each) : each));
}

test.each<[string, string, Frame[]]>([
  ["a frame", "event: a\ndata: 1\nid: 1-1\n\n", [{ event: "a", data: "1", id: "1-1" }]],
  ["no name", "data: 1\n\n", [{ event: "message", data: "1", id: "" }]],
  ["several lines of data", "data: 1\ndata:\ndata: 2\n\n", [{ event: "message", data: "1\n\n2", id: "" }]],
  ["no space, two spaces", "data:1\n\ndata:  2\n\n", [frame("1"), frame(" 2")]],
  ["a field without a colon", "data\n\n", [frame("")]],
  ["a block without data", "event: a\n\ndata: 1\n\n", [frame("1")]],
  ["an unfinished block", "data: 1\n\ndata: 2\n", [frame("1")]],
  ["an id that stays", "id: 7\ndata: 1\n\ndata: 2\n\n", [frame("1", "7"), frame("2", "7")]],
  ["an id with NUL", "id: 7\ndata: 1\n\nid: 8\0\ndata: 2\n\n", [frame("1", "7"), frame("2", "7")]],
  ["comments and unknown fields", ": ping\n:\nother: 1\ndata: 1\n\n", [frame("1")]],
  ["a byte order mark", "\uFEFFdata: 1\n\n", [frame("1")]],
  ["line ends of all kinds", "data: 1\r\rdata: 2\r\n\r\ndata: 3\n\n", [frame("1"), frame("2"), frame("3")]],
  ["what looks like a line end", "data: a\u2028b\u2029c\u0085d\n\n", [frame("a\u2028b\u2029c\u0085d")]],
  ["colons in a value", 'data: {"a": "b: c"}\n\n', [frame('{"a": "b: c"}')]],
])("%s", (_name, stream, frames) => {
  expect(parse(stream)).toEqual(frames);
});

test("retry and comments are counted", () => {
  const parser = new SseParser();
  parser.push(new TextEncoder().encode("retry: 1500\n: ping\n\n: ping\nretry: soon\n\n"));

  expect(parser.retryMs).toBe(1500);
  expect(parser.comments).toBe(2);
});

const line = fc.oneof(
  fc.constantFrom(
    "",
    "data",
    "data:",
    ": ping",
    "event: token",
    "id: 1-2",
    "retry: 10",
    "data: \u{1F600}é\u2028",
  ),
  fc.string({ unit: "grapheme" }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
);
const stream = fc
  .array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n")))
  .map((lines) => lines.map(([text, end]) => text + end).join(""));

test("however its bytes are cut, a stream has the same frames", () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(200)), (text, cuts) => {
      const bytes = new TextEncoder().encode(text);
      const places = [0, ...cuts.map((each) => each % (bytes.length + 1)), bytes.length].sort(
        (a, b) => a - b,
      );
      const pieces = places.slice(1).map((end, at) => bytes.subarray(places[at], end));

      expect(parse(...pieces)).toEqual(parse(bytes));
    }),
  );
});

test("a long line in small pieces isn't read again with each of them", () => {
  const piece = new TextEncoder().encode("x".repeat(16));
  const count = 300_000;
  const parser = new SseParser();
  parser.push(new TextEncoder().encode("data: "));
  for (let i = 0; i < count; i++) parser.push(piece);

  const [found] = parser.push(new TextEncoder().encode("\n\n"));

  expect(found?.data.length).toBe(16 * count);
});

function frame(data: string, id = ""): Frame {
  return { event: "message", data, id };
}
