import { expect, test } from "vitest";
import {
  aiMessage,
  answerAmong,
  continuing,
  keyOf,
  merged,
  reduce,
  turnsOf,
  type Item,
} from "../../src/state";
import { event } from "./golden";

const text = (id: string, value: string, more: object = {}): Item => aiMessage({ id, text: value, ...more });
const step = (id: string): Item => ({ type: "step", id, path: ["n"], namespace: [], values: 1, at: null });

test("the thread's texts and their order count, and what only the run has shown keeps its place", () => {
  const stored = [text("a", "A", { channel: "step" }), text("b", "B")];
  const seen = [step("0"), text("b", "b…"), step("1"), text("a", "a…"), text("t", "title")];

  const both = merged(stored, seen);

  expect(both.map(keyOf)).toEqual(["step 0", "message a", "message t", "message b", "step 1"]);
  expect(both.map((each) => (each.type === "message" ? [each.text, each.channel] : ""))).toEqual([
    "",
    ["A", "step"],
    ["title", "step"],
    ["B", "answer"],
    "",
  ]);
});

test.each([
  [[], [text("a", "A")]],
  [[text("a", "A")], []],
])("of %j and %j nothing is lost", (stored, seen) => {
  expect(merged(stored, seen)).toHaveLength(1);
});

test("a result whose call was made in an earlier run is shown once, at its call", () => {
  const [turn] = turnsOf([
    { type: "human", id: "h", content: "q" },
    { type: "ai", id: "a", content: "", tool_calls: [{ id: "c", name: "t", args: {} }] },
    { type: "tool", id: "r", tool_call_id: "c", content: "12", status: "success" },
    { type: "ai", id: "b", content: "12." },
  ]);
  const called = turnsOf([
    { type: "human", id: "h", content: "q" },
    { type: "ai", id: "a", content: "", tool_calls: [{ id: "c", name: "t", args: {} }] },
  ]);
  const result = event("1-1", "tool_result", { call_id: "c", name: "t", content: "12", status: "success" });

  const continued = reduce(continuing(called[0]?.items ?? []), result).items;
  const alone = reduce(continuing([]), result).items;

  expect(continued).toMatchObject([{ type: "message", calls: [{ status: "success", result: "12" }] }]);
  expect(merged(turn?.items ?? [], alone).map(keyOf)).toEqual(["message a", "message b"]);
});

test("while a run goes on, a text that may be a step doesn't take the place of one that can't", () => {
  const items = [text("a", "the answer"), text("b", "a title?", { isHeld: true })];

  expect(answerAmong(items, false)?.id).toBe("a");
  expect(answerAmong(items, true)?.id).toBe("b");
  expect(
    answerAmong([text("a", "first", { isHeld: true }), text("b", "then", { isHeld: true })], false)?.id,
  ).toBe("b");
  expect(answerAmong([text("a", " "), step("1")], true)).toBe(null);
});

test.each([
  ["a tool's message that is the last", null, "tool", "the result"],
  ["no message of a tool that has failed, if that ended the run", null, "tool error", null],
  ["a text beside a call that its client is to run", "finished", "spoken", "let me see"],
  ["no text beside a call of a run that waits", "interrupted", "spoken", null],
  ["no text beside a call of a run that was stopped", "cancelled", "spoken", null],
  ["no result of a run that was stopped behind it", "cancelled", "tool", null],
] as const)("the answer of a turn is %s", (_, status, kind, answer) => {
  const messages = [
    { type: "human", id: "h", content: "q" },
    {
      type: "ai",
      id: "a",
      content: kind === "spoken" ? "let me see" : "",
      tool_calls: [{ id: "c", name: "t", args: {} }],
    },
    {
      type: "tool",
      id: "r",
      tool_call_id: "c",
      content: "the result",
      status: kind === "tool" ? "success" : "error",
    },
  ].slice(0, kind === "spoken" ? 2 : 3);

  const [turn] = turnsOf(messages, { status, output: null });

  expect(answerAmong(turn?.items ?? [], true)?.text ?? null).toBe(answer);
});

test("a state that still ends with the turn before has nothing of the run's own", () => {
  const values = {
    messages: [
      { type: "human", id: "h1", content: "q" },
      { type: "ai", id: "a1", content: "the turn before" },
    ],
  };
  const begun = event("2-1", "started", { graph: "g", run_id: "r", thread_id: "t", attempt: 2 });
  const state = event("2-2", "state", { values });

  expect([begun, state].reduce((run, each) => reduce(run, each), continuing([], "h1")).items).toEqual([]);
  expect([begun, state].reduce((run, each) => reduce(run, each), continuing([])).items).toHaveLength(1);
});

test("what a node has written without its model's being seen is shown, once", () => {
  const ai = (id: string, content: string) => ({ type: "ai", id, content });
  const human = { type: "human", id: "h", content: "q" };
  const update = (seq: number, messages: unknown) =>
    event(`1-${seq}`, "update", { node: "n", namespace: [], values: { messages } });
  const events = [
    update(1, [ai("cached", "from a cache")]),
    update(2, [ai("before", "an earlier turn's"), human, ai("cached", "from a cache")]),
    event("1-3", "message", { message_id: "cached", node: "", namespace: [], model: null, held: true }),
    event("1-4", "token", { message_id: "cached", text: "from a cache", channel: "answer" }),
  ];

  const { items } = events.reduce((run, each) => reduce(run, each), continuing([]));

  expect(items.filter((each) => each.type === "message")).toMatchObject([
    { id: "cached", text: "from a cache", channel: "answer" },
  ]);
});
