import fc from "fast-check";
import { expect, test } from "vitest";
import { barsOf, densest, density, thinned } from "../../src/runs/model/drawn";
import { lanesOf, type Span } from "../../src/runs/model/lanes";
import { GOLDEN, event, golden } from "../state/golden";

const RUNS = GOLDEN.flatMap((log) => log.runs.map((run, at) => ({ name: `${log.name} ${at + 1}`, ...run })));
const each100 = (events: readonly unknown[]) => events.map((_, index) => index * 100);

function lanes(name: string) {
  const { events } = golden(name).runs.at(-1) ?? { events: [] };
  return lanesOf(events, each100(events));
}

test.each(RUNS)("$name: everything has ended with its run, and nothing is outside of it", ({ events }) => {
  const { lanes, totalMs } = lanesOf(events, each100(events));

  for (const span of lanes.flatMap((lane) => lane.spans)) {
    expect(span.status).not.toBe("running");
    expect(span.from).toBeGreaterThanOrEqual(0);
    expect(span.to).toBeGreaterThanOrEqual(span.from);
    expect(span.to).toBeLessThanOrEqual(totalMs);
  }
  const texts = events.filter((each) => each.kind === "token" || each.kind === "reasoning");
  expect(lanes.flatMap((lane) => lane.tokens)).toHaveLength(texts.length);
});

test("a node's lane has its model's calls, and each tool has a lane", () => {
  const { lanes: found } = lanes("tools");

  expect(found.map((lane) => [lane.kind, lane.path.join("/")])).toEqual([
    ["node", "model"],
    ["tool", "add"],
    ["tool", "fail"],
    ["node", "tools"],
  ]);
  expect(found.map((lane) => lane.spans.map((span) => `${span.kind} ${span.status}`))).toEqual([
    ["node done", "call done", "node done", "call done"],
    ["tool done"],
    ["tool error"],
    ["node done"],
  ]);
});

test("a node is at work from the end of the step before it", () => {
  const found = lanes("tools").lanes;
  const [model, , , tools] = found;

  expect(model?.spans.filter((each) => each.kind === "node").map((each) => [each.from, each.to])).toEqual([
    [0, 900],
    [1200, 1600],
  ]);
  expect(tools?.spans.map((each) => [each.from, each.to])).toEqual([[900, 1200]]);
});

test("the nodes of a sub-graph have lanes of their own, within that of the node", () => {
  const paths = lanes("subgraphs").lanes.map((lane) => lane.path);

  for (const path of paths.filter((each) => each.length > 1)) {
    expect(paths.map((each) => each.join("/"))).toContain(path.slice(0, -1).join("/"));
  }
  expect(paths.some((each) => each.length > 1)).toBe(true);
});

test("a later attempt is marked, and cuts off what the earlier one did", () => {
  const events = [
    event("1-1", "started", {}),
    event("1-2", "message", { message_id: "m", node: "talk", namespace: [], model: null, held: false }),
    event("2-1", "started", {}),
  ];
  const found = lanesOf(events, [0, 10, 500]);

  expect(found.attempts).toEqual([{ attempt: 2, at: 500 }]);
  expect(found.lanes.flatMap((lane) => lane.spans.map((span) => [span.kind, span.status, span.to]))).toEqual([
    ["node", "cut", 500],
    ["call", "cut", 500],
  ]);
});

test("what is still at work reaches to the last event", () => {
  const events = [
    event("1-1", "started", {}),
    event("1-2", "message", { message_id: "m", node: "talk", namespace: [], model: null, held: false }),
    event("1-3", "custom", { value: 1 }),
  ];
  const [talk, other] = lanesOf(events, [0, 10, 70]).lanes;

  expect(talk?.spans.map((span) => [span.status, span.to])).toEqual([
    ["running", 70],
    ["running", 70],
  ]);
  expect(other?.marks).toEqual([{ at: 70, kind: "custom" }]);
});

test("whatever arrives, nothing is thrown, and what isn't known is marked", () => {
  const kinds = [...new Set(RUNS.flatMap((run) => run.events.map((each) => each.kind))), "newer", "toString"];
  const data = RUNS.flatMap((run) => run.events.map((each) => each.data));
  const anything = fc.record({
    attempt: fc.integer({ min: 1, max: 2 }),
    kind: fc.constantFrom(...kinds),
    data: fc.oneof(fc.jsonValue(), fc.constantFrom(...data)),
  });
  fc.assert(
    fc.property(fc.array(anything), (given) => {
      const events = given.map((each, at) => event(`${each.attempt}-${at}`, each.kind, each.data));
      const found = lanesOf(events, each100(events));

      const unknown = given.filter((each) => each.kind === "newer" || each.kind === "toString").length;
      const marks = found.lanes.flatMap((lane) => lane.marks.map((mark) => mark.kind));
      expect(marks.filter((kind) => kind === "newer" || kind === "toString")).toHaveLength(unknown);
    }),
  );
});

test("fifty thousand events are few shapes", () => {
  const events = Array.from({ length: 50_000 }, (_, at) =>
    event(`1-${at + 1}`, "update", { node: "step", namespace: [], values: null }),
  );
  const { lanes: found, totalMs } = lanesOf(events, each100(events));

  expect(found).toHaveLength(1);
  expect(thinned(found[0]?.spans ?? [], totalMs).length).toBeLessThan(1_300);
});

test("thin spans are one only where they can't be told apart", () => {
  const span = (from: number, to: number, status: Span["status"] = "done"): Span => ({
    kind: "node",
    from,
    to,
    status,
  });

  expect(thinned([span(0, 1), span(1, 2), span(500, 501)], 10_000)).toEqual([span(0, 2), span(500, 501)]);
  expect(thinned([span(0, 1), span(1, 2, "error")], 10_000)).toHaveLength(2);
});

test("tokens are bars, the most of them as high as the lane", () => {
  const bins = density([0, 1, 1, 99, 100], 100, 4);

  expect(bins).toEqual([3, 0, 0, 2]);
  expect(barsOf(bins, 3)).toBe("M0 1V0h1V1ZM3 1V0.147h1V1Z");
  expect(density([0, 0], 0, 2)).toEqual([2, 0]);
  expect(densest([], 100, 4)).toBe(0);
});

test("nodes that run at once begin at once, as the states say", () => {
  const ended = (seq: number, node: string) =>
    event(`1-${seq}`, "update", { node, namespace: [], values: null });
  const events = [
    event("1-1", "started", {}),
    ended(2, "plan"),
    ended(3, "right"),
    ended(4, "left"),
    ended(5, "end"),
  ];
  const at = [0, 100, 200, 300, 400];
  const spans = (steps: string[][]) =>
    Object.fromEntries(
      lanesOf(events, at, steps).lanes.map((lane) => [lane.path[0], lane.spans.map((span) => span.from)]),
    );

  expect(spans([["plan"], ["left", "right"], ["end"]])).toEqual({
    plan: [0],
    right: [100],
    left: [100],
    end: [300],
  });
  expect(spans([])).toEqual({ plan: [0], right: [100], left: [200], end: [300] });
  expect(spans([["another"]])).toEqual(spans([]));
});
