import { expect, test } from "vitest";
import { hashOf, routeOf, VIEWS } from "../src/shell/route";

test.each([
  ["", { graph: null, view: "chat", id: null }],
  ["#/", { graph: null, view: "chat", id: null }],
  ["#/agent", { graph: "agent", view: "chat", id: null }],
  ["#/agent/graph/r1", { graph: "agent", view: "graph", id: "r1" }],
  ["#/agent/chat/ada:1", { graph: "agent", view: "chat", id: "ada:1" }],
  ["#/Deep%20Researcher/graph", { graph: "Deep Researcher", view: "graph", id: null }],
  ["#/100%/nowhere/x/y", { graph: "100%", view: "chat", id: "x" }],
  ["#/runs", { graph: null, view: "runs", id: null }],
  ["#/runs/", { graph: null, view: "runs", id: null }],
  ["#/runs?graph=agent&status=error", { graph: "agent", view: "runs", id: null, query: { status: "error" } }],
  ["#/runs/agent/r1", { graph: "agent", view: "runs", id: "r1" }],
  ["#/runs/agent", { graph: null, view: "runs", id: null }],
  ["#/%72uns/chat/t", { graph: "runs", view: "chat", id: "t" }],
  ["#/agent/runs", { graph: "agent", view: "chat", id: null }],
])("%s is read", (hash, route) => {
  expect(routeOf(hash)).toEqual(route);
});

test.each(["agent", "Deep Researcher", "a/b", "агент", "100%", "#?&", "runs"])(
  "a graph %s comes back",
  (graph) => {
    for (const view of VIEWS) {
      const route = { graph, view, id: "x/y" };
      expect(routeOf(hashOf(route))).toEqual(route);
    }
    const list = { graph, view: "runs", id: null, query: { thread: "a&b" } } as const;
    expect(routeOf(hashOf(list))).toEqual(list);
  },
);
