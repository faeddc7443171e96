import { expect, test } from "vitest";
import { curve } from "../../src/graph/layout/curve";
import { nextStop } from "../../src/graph/layout/movement";
import { place, type Placed } from "../../src/graph/layout/place";
import { cut, widthOf } from "../../src/graph/layout/text";
import { allNodes, levelsOf } from "../../src/graph/model/levels";
import { AGENT, NESTED } from "./drawn";

const NONE = new Set<string>();
const ALL = new Set(["research", "research:find"]);

const placedOf = (drawn: Parameters<typeof levelsOf>[0], unfolded: ReadonlySet<string> = NONE): Placed =>
  place(levelsOf(drawn), unfolded);

test("every node and edge has its place, from the start down to the end", () => {
  const { nodes, edges, width, height } = placedOf(AGENT);

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

test("an unfolded sub-graph is a box around its nodes, and those of its own sub-graphs", () => {
  expect(placedOf(NESTED).nodes.map((node) => node.id)).toEqual([
    "__start__",
    "research",
    "write",
    "__end__",
  ]);

  const { nodes, clusters } = placedOf(NESTED, ALL);

  expect(clusters.map((each) => each.id)).toEqual(["research", "research:find"]);
  for (const cluster of clusters) {
    const own = [...nodes, ...clusters].filter((each) => each.id.startsWith(`${cluster.id}:`));
    expect(own.length).toBeGreaterThan(2);
    for (const each of own) {
      expect(Math.abs(each.x - cluster.x)).toBeLessThan((cluster.width - each.width) / 2);
      expect(Math.abs(each.y - cluster.y)).toBeLessThan((cluster.height - each.height) / 2);
    }
  }
});

test("an edge into a sub-graph leads to it, and within it from its start", () => {
  const edges = placedOf(NESTED, ALL).edges.map((edge) => edge.key);

  expect(edges).toContain("__start__ research");
  expect(edges).toContain("research:__start__ research:plan");
  expect(edges).toContain("research:find research:__end__");
  expect(edges).toContain("research write");
});

test("a sub-graph that leads to itself, and one whose nodes go round, keep their loops apart", () => {
  const root = levelsOf({
    nodes: ["a:__start__", "a:x", "a:y", "a:__end__"].map((id) => ({ id, type: "runnable" })),
    edges: [
      { source: "a:__start__", target: "a:x" },
      { source: "a:x", target: "a:y" },
      { source: "a:y", target: "a:x", data: "again", conditional: true },
      { source: "a:y", target: "a:__end__", conditional: true },
      { source: "a:__end__", target: "a:__start__", data: "once more", conditional: true },
    ],
  });

  expect(root.edges.map((edge) => [edge.key, edge.label])).toEqual([["a a", "once more"]]);
  expect(root.nodes[0]?.inner?.edges.map((edge) => edge.label)).toEqual(["", "", "again", ""]);
});

test("branches between the same nodes are one edge with their names, and a node's loop has its own", () => {
  const { edges } = placedOf({
    nodes: [
      { id: "a", type: "runnable" },
      { id: "b", type: "runnable" },
    ],
    edges: [
      { source: "a", target: "b", data: "one", conditional: true },
      { source: "a", target: "b", data: "two", conditional: true },
      { source: "b", target: "b", data: "again", conditional: true },
    ],
  });

  expect(edges.map((edge) => edge.label)).toEqual(["one · two", "again"]);
  expect(edges[1]?.path).toContain("C");
});

test("a graph without nodes is empty, and nodes without names are drawn", () => {
  expect(placedOf({ nodes: [], edges: [] })).toMatchObject({ nodes: [], edges: [] });
  expect(
    placedOf({
      nodes: [
        { id: 0, type: "runnable" },
        { id: "", type: "runnable" },
      ],
      edges: [],
    }).nodes.length,
  ).toBe(2);
});

test("a long name is cut, and a wide one sooner", () => {
  const [name] = placedOf({ nodes: [{ id: "n".repeat(90), type: "runnable" }], edges: [] }).nodes;

  expect(name?.label).toMatch(/^n+…$/);
  expect(name?.width).toBeLessThan(400);
  expect(widthOf("漢字", 8)).toBeGreaterThan(widthOf("ab", 8));
  expect(cut("family 👨‍👩‍👧 here", 8 * 10, 8)).toMatch(/^family( 👨‍👩‍👧)?…$/);
  expect(cut("short", 100, 8)).toBe("short");
});

test("the arrow keys lead along the edges, into sub-graphs and out of them", () => {
  const placed = placedOf(NESTED, ALL);
  const walk = (from: string, direction: "up" | "down", steps: number): string[] =>
    Array.from({ length: steps }, () => (from = nextStop(placed, from, direction)));

  const down = walk("research", "down", 5);
  expect(down).toEqual([
    "research:plan",
    "research:find",
    "research:find:look",
    "research:find:read",
    "write",
  ]);
  expect(walk("write", "up", 1)).toEqual(["research"]);
  expect(walk("research:plan", "up", 1)).toEqual(["research"]);
  expect(nextStop(placed, "write", "left")).toBe("write");
  expect(nextStop(placed, "gone", "down")).toBe("gone");
});

test("left and right lead to what is beside a node", () => {
  const placed = placedOf({
    nodes: ["__start__", "a", "b", "c"].map((id) => ({ id, type: "runnable" })),
    edges: ["a", "b", "c"].map((target) => ({ source: "__start__", target })),
  });
  const order = placed.nodes.filter((node) => !node.mark).sort((one, other) => one.x - other.x);
  const [left, middle, right] = order.map((node) => node.id);

  expect(nextStop(placed, left ?? "", "right")).toBe(middle);
  expect(nextStop(placed, middle ?? "", "right")).toBe(right);
  expect(nextStop(placed, middle ?? "", "left")).toBe(left);
});

test("every node of every level is known", () => {
  expect(
    allNodes(levelsOf(NESTED))
      .filter((node) => !node.mark)
      .map((node) => node.name),
  ).toEqual(["research", "plan", "find", "look", "read", "write"]);
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
