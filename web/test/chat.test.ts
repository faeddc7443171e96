import { expect, test } from "vitest";
import { callOf, python, shellQuoted } from "../src/chat/calls";
import type { Block, Turn } from "../src/chat/model/blocks";
import { answerText } from "../src/chat/model/blocks";
import { merged } from "../src/chat/model/edit";
import { began, reduce, type AnyEvent, type Live } from "../src/chat/model/live";
import { filesOf, textOf } from "../src/chat/model/parts";
import { EMPTY_TURN, turnsOf } from "../src/chat/model/stored";
import { variantsOf } from "../src/chat/model/variants";

const ids = { graph: "g", run_id: "r", thread_id: "t", attempt: 1 };

/** Returns the turn of a run's events, a tenth of a second apart. */
function played(...events: [string, unknown][]): Turn {
  let live: Live = began({ ...EMPTY_TURN, key: "k" }, "r");
  events.forEach(([kind, data], at) => {
    const event: AnyEvent = { id: `1-${at + 1}`, attempt: 1, kind, data };
    live = reduce(live, event, at * 100);
  });
  return live.turn;
}

const message = (id: string, namespace: string[] = []) =>
  ["message", { message_id: id, node: "model", namespace, model: "m", held: false }] as [string, unknown];
const token = (id: string, text: string, channel = "answer"): [string, unknown] => [
  "token",
  { message_id: id, text, channel },
];

test("tokens add up to an answer", () => {
  const turn = played(["started", ids], message("a"), token("a", "Hel"), token("a", "lo"), [
    "finished",
    { usage: null, duration_ms: 7 },
  ]);

  expect(answerText(turn)).toBe("Hello");
  expect([turn.ending, turn.durationMs]).toEqual(["finished", 7]);
});

test("a tool's call is one card, with its arguments, result and time", () => {
  const piece = { message_id: "a", index: 0, call_id: null, name: null };
  const result = {
    content: "12",
    type: "tool",
    id: "m2",
    tool_call_id: "c",
    name: "calculator",
    status: "success",
  };
  const turn = played(
    message("a"),
    ["tool_call", { ...piece, call_id: "c", name: "calculator", args: '{"e": ' }],
    ["tool_call", { ...piece, args: '"3*4"}' }],
    ["tool_result", { call_id: "c", name: "calculator", content: "12", status: "success" }],
    ["update", { node: "tools", namespace: [], values: { messages: [result] } }],
  );

  expect(turn.blocks).toEqual([
    {
      kind: "tool",
      key: "tool:c",
      name: "calculator",
      args: '{"e": "3*4"}',
      status: "success",
      result: "12",
      time: { from: 100, to: 300 },
    },
  ]);
});

test("reasoning ends with the first word of the answer", () => {
  const turn = played(
    message("a"),
    ["reasoning", { message_id: "a", text: "hm" }],
    token("a", "x"),
    token("a", "y"),
  );

  expect(turn.blocks[0]).toMatchObject({ kind: "reasoning", text: "hm", time: { from: 100, to: 200 } });
});

test("a retracted text is a step, and no answer", () => {
  const turn = played(message("a"), token("a", "let me see"), ["retracted", { message_id: "a" }]);

  expect(turn.blocks).toMatchObject([{ kind: "text", isStep: true }]);
  expect(answerText(turn)).toBe("");
});

test("what a sub-graph does is nested by its namespace", () => {
  const turn = played(message("a", ["outer:1", "inner:2"]), token("a", "x", "step"));

  expect(turn.blocks).toMatchObject([
    { kind: "group", name: "outer", blocks: [{ kind: "group", name: "inner", blocks: [{ kind: "text" }] }] },
  ]);
});

test("an answer that wasn't streamed comes with its node's update", () => {
  const values = { messages: [{ type: "ai", id: "a", content: "from a cache" }], mood: "calm" };
  const turn = played(["update", { node: "n", namespace: [], values }]);

  expect(answerText(turn)).toBe("from a cache");
  expect(turn.blocks[1]).toMatchObject({ kind: "step", node: "n", values: { mood: "calm" } });
});

test("a new attempt forgets what the one before it has shown, and begins with the state", () => {
  const values = {
    messages: [
      { type: "human", id: "h", content: "q" },
      { type: "ai", id: "b", content: "kept" },
    ],
  };
  const turn = played(
    ["started", ids],
    message("a"),
    token("a", "lost"),
    ["started", { ...ids, attempt: 2 }],
    ["state", { values }],
  );

  expect(answerText(turn)).toBe("kept");
  expect(turn.attempt).toBe(2);
});

test.each(["surprise", "custom"])("an event %s is shown as it is", (kind) => {
  expect(played([kind, { value: [1] }]).blocks).toMatchObject([{ kind: "data" }]);
});

test("a run that is cut off leaves no call running", () => {
  const call = { message_id: "a", index: 0, call_id: "c", name: "t", args: "{}" };

  expect(played(["tool_call", call], ["cancelled", {}]).blocks).toMatchObject([{ status: "waiting" }]);
});

test("the thread's text counts, and what only the run has shown keeps its place", () => {
  const text = (key: string, value: string): Block => ({
    kind: "text",
    key,
    text: value,
    isStep: false,
    isIncomplete: false,
    node: "",
    files: [],
  });
  const data: Block = { kind: "data", key: "d", name: null, value: 1 };

  expect(merged([text("a", "A"), text("b", "B")], [data, text("b", "b…")]).map((each) => each.key)).toEqual([
    "a",
    "d",
    "b",
  ]);
  expect(merged([text("a", "A")], [text("a", "a…")])).toMatchObject([{ text: "A" }]);
});

test("a thread's messages are turns, and a result belongs to its call", () => {
  const [turn] = turnsOf([
    { type: "human", id: "h", content: "q" },
    { type: "ai", id: "a", content: "", tool_calls: [{ id: "c", name: "t", args: { x: 1 } }] },
    { type: "tool", id: "r", tool_call_id: "c", content: "no", status: "error" },
    { type: "ai", id: "b", content: "done", response_metadata: { incomplete: true } },
  ]);

  expect(turn?.question).toMatchObject({ id: "h", text: "q" });
  expect(turn?.blocks).toMatchObject([
    { kind: "tool", args: '{"x":1}', status: "error", result: "no" },
    { kind: "text", text: "done", isIncomplete: true },
  ]);
});

test("of a turn's stored texts the last one is the answer, as in its run", () => {
  const [turn] = turnsOf([
    { type: "human", id: "h", content: "q" },
    { type: "ai", id: "a", content: "in blue" },
    { type: "ai", content: "and large" },
  ]);

  expect(turn?.blocks).toMatchObject([
    { text: "in blue", isStep: true },
    { text: "and large", isStep: false },
  ]);
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
