import fc from "fast-check";
import { expect, test } from "vitest";
import { diff } from "../../src/runs/model/diff";
import { changesOf, withRest } from "../../src/runs/model/states";
import { GOLDEN } from "../state/golden";
import { apply } from "./apply";

const id = fc.constantFrom("a", "b", "c", "d", "e");
const message = fc.record({
  id,
  content: fc.constantFrom("hi", "there"),
  extra: fc.jsonValue({ maxDepth: 1 }),
});
const value = fc.oneof(
  fc.jsonValue(),
  fc.array(fc.integer({ min: 0, max: 3 })),
  fc.array(message),
  fc.record({ messages: fc.uniqueArray(message, { selector: (each) => each.id }), topic: fc.jsonValue() }),
);

test("the changes between any two values make the second one of the first", () => {
  fc.assert(
    fc.property(value, value, (before, after) => {
      expect(apply(before, diff(before, after))).toEqual(after);
    }),
  );
});

test("a value is no change of itself", () => {
  fc.assert(
    fc.property(value, (each) => {
      expect(diff(each, structuredClone(each))).toEqual([]);
    }),
  );
});

test.each<[string, unknown, unknown, unknown[]]>([
  ["a key that is new", { a: 1 }, { a: 1, b: 2 }, [{ kind: "added", path: ["b"], after: 2 }]],
  ["a key that is gone", { a: 1, b: 2 }, { a: 1 }, [{ kind: "removed", path: ["b"], before: 2 }]],
  [
    "a value within",
    { a: { b: [1, 2] } },
    { a: { b: [1, 3] } },
    [{ kind: "changed", path: ["a", "b", 1], before: 2, after: 3 }],
  ],
  ["another type", { a: [] }, { a: {} }, [{ kind: "changed", path: ["a"], before: [], after: {} }]],
  ["an item at the beginning", [1, 2], [0, 1, 2], [{ kind: "added", path: [0], after: 0 }]],
  ["an item at the end", [1], [1, 1], [{ kind: "added", path: [1], after: 1 }]],
  ["-0 and 0, which JSON doesn't tell apart", { a: 0 }, { a: 0 }, []],
])("%s", (_, before, after, changes) => {
  expect(diff(before, after)).toEqual(changes);
});

test("messages are told apart by their ids, wherever they are now", () => {
  const [one, two, three] = ["1", "2", "3"].map((each) => ({ id: each, content: each }));

  expect(diff([one, two, three], [one, { ...three, content: "x" }])).toEqual([
    { kind: "removed", path: [1], before: two },
    { kind: "changed", path: [1, "content"], before: "3", after: "x" },
  ]);
});

test("keys that objects have by themselves are keys like any other", () => {
  const [before, after] = ['{"__proto__": 1}', '{"__proto__": 2, "toString": 3}'].map((each) =>
    JSON.parse(each),
  );

  expect(diff(before, after)).toHaveLength(2);
  expect(apply(before, diff(before, after))).toEqual(after);
});

test.each(GOLDEN)("$name: what a thread has after its runs is added to nothing", ({ thread }) => {
  const changes = changesOf({ values: thread.values }, null);

  expect(new Set(changes.map((each) => each.kind))).toEqual(new Set(changes.length ? ["added"] : []));
  expect(
    apply(
      {},
      changes.filter((each) => each.path.length === 1),
    ),
  ).toEqual(
    Object.fromEntries(Object.entries(thread.values ?? {}).filter(([, each]) => !Array.isArray(each))),
  );
});

const item = (n: number) => ({ id: `m${n}`, content: `${n}` });

test.each([
  ["the end of a list that has grown", { messages: 1 }, { messages: 2 }],
  ["the whole of a list, of which the end was shown before", { messages: 1 }, {}],
  ["the end of a list, of which all was shown before", {}, { messages: 2 }],
])("%s has what is new, at its place in the whole list", (_, omittedBefore, omittedAfter) => {
  const cut = (count: number, omitted: { messages?: number }) => ({
    values: { messages: Array.from({ length: count }, (_, n) => item(n)).slice(omitted.messages ?? 0) },
    omitted,
  });

  expect(changesOf(cut(4, omittedAfter), cut(3, omittedBefore))).toEqual([
    { kind: "added", path: ["messages", 3], after: item(3) },
  ]);
});

test("a value that isn't shown has no change that is known", () => {
  const before = { values: { topic: "a", messages: [item(0)] } };
  const state = { values: { messages: [] }, omitted: { topic: null, messages: 1 } };

  expect(changesOf(state, before)).toEqual([]);
});

test.each<[unknown, unknown, number]>([
  [[1, 2], [1, 2, 3], 1],
  ["a", "b", 1],
  [null, 5, 1],
  [5, 5, 0],
])("a state %j that is no object becomes %j", (before, after, count) => {
  const changes = changesOf({ values: after }, { values: before });

  expect(changes).toHaveLength(count);
  for (const each of changes) expect(each.path[0]).not.toBe("__root__");
});

test.each([
  ["a newer one", "edbc", "dbca", "edbca"],
  ["all that was there", "dc", "dcba", "dcba"],
  ["others", "e", "dcba", "e"],
  ["none", "", "dcba", ""],
])("states that are read again, %s, keep those that were loaded after them", (_, found, known, all) => {
  const states = (ids: string) => [...ids].map((each) => ({ checkpoint_id: each }));

  expect(withRest(states(found), states(known))).toEqual(states(all));
});
