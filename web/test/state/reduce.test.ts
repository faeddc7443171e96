import fc from "fast-check";
import { expect, test } from "vitest";
import {
  QUEUED,
  Timeline,
  answerOf,
  isGroup,
  isOver,
  keyOf,
  messagesOf,
  nested,
  pendingInterrupts,
  reduce,
  stateAt,
  turnsOf,
  type AnyEvent,
  type Run,
} from "../../src/state";
import type { Json } from "@seltzer/client";
import { messagesIn } from "../../src/state/thread";
import { GOLDEN, event, golden } from "./golden";

const RUNS = GOLDEN.flatMap((log) => log.runs.map((run, at) => ({ name: `${log.name} ${at + 1}`, ...run })));

function after(events: readonly AnyEvent[], from: Run = QUEUED): Run {
  return events.reduce((run, each) => reduce(run, each, 1000), from);
}

function last(name: string): Run {
  return after(golden(name).runs.at(-1)?.events ?? []);
}

test.each(RUNS)("$name: every event is known, and the last one ends the run", ({ events }) => {
  const run = after(events);

  expect(run.items.filter((each) => each.type === "raw")).toEqual([]);
  expect(isOver(run)).toBe(true);
  expect(run.cursor).toBe(events.at(-1)?.id);
  expect(messagesOf(run).every((each) => each.isDone)).toBe(true);
});

test.each(RUNS)("$name: events that are read again change nothing", ({ events }) => {
  let run = QUEUED;
  events.forEach((each, at) => {
    run = reduce(run, each);
    for (const known of events.slice(0, at + 1)) expect(reduce(run, known)).toBe(run);
  });
});

test.each(RUNS)("$name: what a tool has returned is no text of a model meanwhile", ({ events }) => {
  const begun = new Set<string>();
  let run = QUEUED;
  for (const each of events) {
    run = reduce(run, each);
    if (each.kind === "message") begun.add((each.data as { message_id: string }).message_id);
    const results = messagesIn(each.kind === "update" ? (each.data as { values: Json }).values : []).filter(
      (message) => message["type"] === "tool",
    );
    const shown = new Set(messagesOf(run).map((message) => message.id));
    expect(results.filter(({ id }) => shown.has(id as string) && !begun.has(id as string))).toEqual([]);
  }
});

test.each(RUNS)("$name: what an event doesn't change is the identical object", ({ events }) => {
  let run = QUEUED;
  for (const each of events) {
    const next = reduce(run, each);
    const isAnew = ["started", "state"].includes(each.kind);
    const kept = run.items.filter((item, at) => item === next.items[at]).length;
    if (!isAnew) expect(kept).toBeGreaterThanOrEqual(changedAtMost(each, run));
    run = next;
  }
});

/** Returns how many items an event has to leave alone. */
function changedAtMost(each: AnyEvent, run: Run): number {
  const isOfMany = ["update", "finished", "failed", "cancelled", "interrupted"].includes(each.kind);
  const done = run.items.filter((item) => item.type !== "message" || item.isDone).length;
  return isOfMany ? done : run.items.length - 1;
}

test.each(GOLDEN)(
  "$name: the server has stored what its last run has answered",
  ({ runs, thread, run: info }) => {
    const run = after(runs.at(-1)?.events ?? []);
    const stored = new Map(
      turnsOf(thread.values).flatMap(({ items }) => items.map((each) => [keyOf(each), each])),
    );

    for (const each of messagesOf(run)) {
      const same = stored.get(keyOf(each));
      if (same?.type === "message") expect([same.text, same.usage]).toEqual([each.text, each.usage]);
    }
    if (typeof info.output === "string") expect(answerOf(run)).toBe(info.output);
    expect(pendingInterrupts(run)).toEqual(thread.interrupts);
  },
);

test.each(RUNS)("$name: the time line has the state at each event", ({ events }) => {
  const timeline = new Timeline();
  for (const each of events) timeline.add(each, 7);
  for (const each of events) timeline.add(each, 8);

  expect(timeline.entries).toHaveLength(events.length);
  events.forEach((_, at) => expect(timeline.at(at)).toEqual(stateAt(timeline.entries, at)));
  expect(timeline.at(events.length)).toEqual(timeline.run);
});

test("a long time line is looked at without reading all of it", () => {
  const timeline = new Timeline();
  timeline.add(event("1-1", "started", started(1)));
  for (let seq = 2; seq <= 1_000; seq++) timeline.add(token(seq, `${seq} `));

  expect(answerOf(timeline.at(700))).toBe(answerOf(stateAt(timeline.entries, 700)));
  expect(timeline.at(5_000)).toEqual(timeline.run);
  expect(timeline.at(-1)).toBe(QUEUED);
});

test("calls have their arguments, results and errors", () => {
  const run = last("tools");
  const calls = messagesOf(run).flatMap((each) => each.calls);

  expect(calls.map(({ name, args, status, result }) => [name, args, status, result])).toEqual([
    ["add", '{"a": 40, "b": 2}', "success", "42"],
    ["fail", '{"why": "no"}', "error", "It failed: no"],
  ]);
  expect(messagesOf(run).map((each) => [each.text, each.channel, each.isRetracted])).toEqual([
    ["Let me see.", "step", true],
    ["The sum is 42.", "answer", false],
  ]);
  expect(run.usage?.total_tokens).toBe(64);
});

test("sub-graphs are nested by their namespaces", () => {
  const groups = nested(last("subgraphs").items).children.filter(isGroup);

  expect(groups.map((each) => each.name)).toEqual(["research", "write"]);
});

test("a second attempt forgets what the first has written", () => {
  const run = last("attempts");

  expect(run.attempt).toBe(2);
  expect(answerOf(run)).toBe("One, two.");
  expect(messagesOf(run).map((each) => each.text)).toEqual(["First a step.", "One, two."]);
});

test("a failed run has its error, a cancelled one its text", () => {
  expect(last("failed").error?.code).toBe("graph_error");
  expect(messagesOf(last("failed")).map((each) => [each.text, each.isIncomplete])).toEqual([["It is", true]]);
  expect(last("cancelled").status).toBe("cancelled");
  expect(messagesOf(last("cancelled")).at(-1)?.text).toBe("One, two.");
});

test("the questions of an interrupted run wait for their answers", () => {
  const [asked] = golden("two-questions").runs;
  const run = after(asked?.events ?? []);

  expect(
    pendingInterrupts(run)
      .map((each) => each.value)
      .sort(),
  ).toEqual(["The first?", "The second?"]);
  expect(pendingInterrupts(last("two-questions"))).toEqual([]);
});

test("thinking is apart from the answer, and times are when it was read", () => {
  const run = last("reasoning");

  expect(messagesOf(run).map((each) => each.reasoning)).toEqual(["Let me think."]);
  expect(answerOf(run)).toBe("It is blue.");
  expect([run.startedAt, run.firstTokenAt, run.endedAt]).toEqual([1000, 1000, 1000]);
});

test("an image is a part of the turn's input", () => {
  const [turn] = turnsOf(golden("images").thread.values);

  expect(turn?.input.map((each) => each.type)).toEqual(["text", "file"]);
});

test("whatever arrives, in whatever order, nothing is thrown and nothing is lost in silence", () => {
  const kinds = [...new Set(RUNS.flatMap((run) => run.events.map((each) => each.kind))), "newer", "toString"];
  const anything = fc.record({
    attempt: fc.integer({ min: 1, max: 3 }),
    seq: fc.integer({ min: 1, max: 50 }),
    kind: fc.oneof(fc.constantFrom(...kinds), fc.string()),
    data: fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(...RUNS.flatMap((run) => run.events.map((each) => each.data))),
    ),
  });
  fc.assert(
    fc.property(fc.array(anything), (events) => {
      const run = after(events.map((each) => event(`${each.attempt}-${each.seq}`, each.kind, each.data)));

      answerOf(run);
      nested(run.items);
      pendingInterrupts(run);
    }),
  );
});

test("an event of a kind that isn't known is kept as it is", () => {
  const run = after([event("1-1", "newer", { some: ["thing"] }), event("1-2", "token", null)]);

  expect(run.items).toEqual([
    { type: "raw", id: " 1-1", kind: "newer", data: { some: ["thing"] } },
    { type: "raw", id: " 1-2", kind: "token", data: null },
  ]);
});

test("an answer of 5 MB is built in one pass", () => {
  const piece = "0123456789".repeat(25);
  const events = Array.from({ length: 20_000 }, (_, at) => token(at + 2, piece));

  const run = after([event("1-1", "started", started(1)), ...events]);

  expect(answerOf(run)).toHaveLength(5_000_000);
});

function started(attempt: number): unknown {
  return { graph: "g", run_id: "r", thread_id: "t", attempt };
}

function token(seq: number, text: string): AnyEvent {
  return event(`1-${seq}`, "token", { message_id: "m", text, channel: "answer" });
}
