import { expect, test } from "vitest";
import { callOf, python, shellQuoted } from "../../src/chat/calls";
import { structuredIn, othersIn } from "../../src/chat/model/steps";
import { variantsOf } from "../../src/chat/model/variants";
import { filesOf, textOf } from "../../src/state";

test.each([
  ['{"name": "Ada"}', { name: "Ada" }],
  [' {"a": [1]}\n', { a: [1] }],
  ["{not json}", undefined],
  ["[1, 2]", undefined],
  ["42", undefined],
  ["It is {}", undefined],
])("%s is structured: %j", (text, value) => {
  expect(structuredIn(text)).toEqual(value);
});

test.each([
  [{ messages: [{ type: "ai" }], mood: "calm" }, { mood: "calm" }],
  [{ messages: [] }, undefined],
  [null, undefined],
  [[{ type: "ai", content: "a" }], undefined],
  ["text", "text"],
])("of %j, %j isn't messages", (values, others) => {
  expect(othersIn(values)).toEqual(others);
});

test.each([
  [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }, "image"],
  [{ type: "image", source: { type: "base64", media_type: "image/png", data: "AA" } }, "image"],
  [{ type: "input_audio", input_audio: { data: "AA", format: "mp3" } }, "audio"],
  [{ type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,AA" } }, "file"],
  [{ type: "file", base64: "AA", mime_type: "application/pdf" }, "file"],
])("%j is a file", (part, kind) => {
  const [file] = filesOf([{ type: "text", text: "t" }, part]);

  expect(file?.kind).toBe(kind);
  expect(file?.url).toMatch(/^data:/);
  expect(textOf([{ type: "text", text: "t" }, part])).toBe("t");
});

test("turns in one place are variants, the oldest first", () => {
  const human = (id: string) => ({ type: "human", id });
  const ai = (id: string) => ({ type: "ai", id });
  const path = (checkpointId: string, ...messages: { type: string; id: string }[]) => ({
    checkpointId,
    messages,
    isWhole: true,
  });
  const found = variantsOf([
    path("new", human("h1"), ai("a1"), human("h2b"), ai("a2b")),
    path("retried", human("h1"), ai("a1"), human("h2"), ai("a2again")),
    path("old", human("h1"), ai("a1"), human("h2"), ai("a2")),
  ]);

  expect([...found]).toEqual([["h2b", { index: 2, checkpointIds: ["old", "retried", "new"] }]]);
});

test("calls say what is on the screen", () => {
  const graph = { name: "agent", path: "/agent", takes_messages: true, description: "" };
  const call = { input: "it's", threadId: "t", extras: { context: { loud: true } } };

  expect(callOf("curl", graph, call, "http://h/ai/")).toContain(
    `http://h/ai/agent/runs \\\n  -H 'content-type: application/json' -H 'accept: text/event-stream' \\\n  -d '{"input":"it'\\''s","thread_id":"t","context":{"loud":true}}'`,
  );
  expect(callOf("python", graph, call, "http://h/")).toContain(
    'client.stream("it\'s", graph="agent", thread_id="t", context={"loud": True})',
  );
  expect(callOf("javascript", graph, call, "http://h/")).toContain('client.stream("agent", {');
  expect([python([null, false]), shellQuoted("a b"), shellQuoted("ab")]).toEqual([
    "[None, False]",
    "'a b'",
    "ab",
  ]);
});
