/** Which runs wrote which turns, and a turn as their logs have it. */
import { expect, test } from "vitest";
import { overlaid, storedTurns } from "../../src/chat/model/pages";
import { readTurn, writtenBy } from "../../src/chat/model/past";
import type { Turn } from "../../src/chat/model/turn";
import { event } from "../state/golden";
import { ai, human, info, logged, message, pagesWith, started, textsOf, tool } from "./made";

test("what a run has written on another branch isn't shown", () => {
  const events = [started(), message(2, "one"), message(3, "two")];
  const [stored] = storedTurns(pagesWith(human("h"), ai("one"), ai("three")));

  const turn = readTurn(stored as Turn, undefined, [logged(events, false)], false);

  expect(textsOf(turn)).toEqual(["one"]);
  expect(turn?.ending).toBe("finished");
});

test("what was removed by hand isn't shown, what a sub-graph has written is", () => {
  const events = [started(), message(2, "one"), message(3, "nested", ["sub:1"]), message(4, "two")];
  const [stored] = storedTurns(pagesWith(human("h"), ai("two")));

  const turn = readTurn(stored as Turn, undefined, [logged(events)], true);

  expect(textsOf(turn)).toEqual(["nested", "two"]);
  expect(textsOf(readTurn(stored as Turn, undefined, [logged(events)], false))).toHaveLength(3);
});

test("a run that asked and the one that answered make one turn; an end that isn't kept is taken for one", () => {
  const [stored] = storedTurns(pagesWith(human("h"), ai("two")));
  const asked = [
    started(),
    message(2, "one"),
    event("1-3", "interrupted", { interrupts: [{ id: "i", value: "?" }] }),
  ];
  const answered = [started(), message(2, "two"), event("1-3", "cancelled", {})];
  const gone = { writer: { run_id: "r", is_whole: true }, log: null };

  const whole = readTurn(stored as Turn, undefined, [logged(asked), logged(answered)], false);
  const half = readTurn(stored as Turn, undefined, [logged(asked), gone], false);

  expect([textsOf(whole), whole?.ending]).toEqual([["one", "two"], "cancelled"]);
  expect([textsOf(half), half?.ending, half?.interrupts]).toEqual([["one"], "finished", []]);
  expect(readTurn(stored as Turn, undefined, [gone], false)).toBe(null);
});

test.each([
  ["each its own", [human("a"), ai("1"), human("b"), ai("2")], ["a", "b"], { a: ["run a"], b: ["run b"] }],
  ["results of tools", [human("a"), ai("1"), tool("t"), ai("2")], ["a", "t"], { a: ["run a", "run t"] }],
  ["several at once", [human("x"), ai("1"), human("a"), ai("2")], ["x,a"], { a: ["run x,a"] }],
  [
    "a node's own",
    [human("a"), ai("1"), human("n"), ai("2"), human("b")],
    ["a", "b"],
    { n: ["run a"], b: ["run b"] },
  ],
  ["those that aren't loaded", [human("b"), ai("2")], ["a", "b"], { b: ["run b"] }],
] as const)("of messages, %s: the runs of each turn", (_, messages, inputs, expected) => {
  const infos = [...inputs].reverse().map((ids) => info(ids));

  const found = writtenBy(pagesWith(...messages), infos);

  const runs = [...found].map(([place, { runs }]) => [place, runs.map((each) => each.run_id)]);
  expect(Object.fromEntries(runs)).toEqual(expected);
});

test("a run's messages are shown once, be they in two turns", () => {
  const pages = pagesWith(human("a"), ai("1"), human("n"), ai("2"));
  const events = [started(), message(2, "1"), message(3, "nested", ["sub:1"]), message(4, "2")];
  const turn = readTurn(storedTurns(pages)[1] as Turn, undefined, [logged(events)], false) as Turn;

  const shown = overlaid(pages, [], new Map([["n", turn]]));

  expect(shown.map(textsOf)).toEqual([["1"], ["nested", "2"]]);
});

test("what is read of a turn doesn't take the place of what was followed of it since", () => {
  const pages = pagesWith(human("h"), ai("one"), ai("two"));
  const early = {
    ...readTurn(storedTurns(pages)[0] as Turn, undefined, [logged([started(), message(2, "one")])], false),
    runId: "r1",
  } as Turn;
  const seen: Turn = { ...(storedTurns(pages)[0] as Turn), runId: "r2", detail: "some", durationMs: 7 };
  const past = (turn: Turn) => overlaid(pages, [seen], new Map([["h", turn]]))[0];

  expect(past(early)?.durationMs).toBe(7);
  expect(past({ ...early, runId: "r2", durationMs: 9 })).toMatchObject({
    durationMs: 9,
    detail: "all",
    key: "h",
  });
});
