import { expect, test } from "vitest";
import { curve, place } from "../../src/graph/layout";

const AGENT = {
  nodes: ["__start__", "agent", "tools", "__end__"].map((id) => ({ id, type: "runnable" })),
  edges: [
    { source: "__start__", target: "agent" },
    { source: "agent", target: "tools", conditional: true },
    { source: "agent", target: "__end__", conditional: true, data: "done" },
    { source: "tools", target: "agent" },
  ],
};

test("every node and edge has its place, from the start down to the end", () => {
  const { nodes, edges, width, height } = place(AGENT);

  const ys = Object.fromEntries(nodes.map((node) => [node.id, node.y]));
  expect(ys["__start__"]).toBeLessThan(ys["agent"] ?? 0);
  expect(ys["agent"]).toBeLessThan(ys["__end__"] ?? 0);
  expect(nodes.map((node) => node.mark)).toEqual(["start", null, null, "end"]);
  expect(edges.map((edge) => edge.isConditional)).toEqual([false, true, true, false]);
  expect(edges.map((edge) => edge.label)).toEqual(["", "", "done", ""]);
  for (const node of nodes) {
    expect(node.x - node.width / 2).toBeGreaterThanOrEqual(0);
    expect(node.x + node.width / 2).toBeLessThanOrEqual(width);
    expect(node.y + node.height / 2).toBeLessThanOrEqual(height);
  }
  for (const edge of edges) expect(edge.path).toMatch(/^M[\d.,]+( [QL][\d., ]+)+$/);
});

test("two edges between the same nodes, and one to the node itself, are all drawn", () => {
  const { edges } = place({
    nodes: [
      { id: "a", type: "runnable" },
      { id: "b", type: "runnable" },
    ],
    edges: [
      { source: "a", target: "b", data: "one" },
      { source: "a", target: "b", data: "two" },
      { source: "b", target: "b" },
    ],
  });

  expect(new Set(edges.map((edge) => edge.path)).size).toBe(3);
});

test("a graph without nodes is empty", () => {
  expect(place({ nodes: [], edges: [] }).nodes).toEqual([]);
});

test("a curve ends where its last point is", () => {
  const points = [
    { x: 0, y: 0 },
    { x: 10, y: 10 },
    { x: 0, y: 20 },
    { x: 5, y: 30 },
  ];

  expect(curve(points)).toMatch(/^M0,0 .*5,30$/);
  expect(curve(points.slice(0, 2))).toBe("M0,0 L10,10");
  expect(curve([])).toBe("");
});
