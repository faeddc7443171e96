import { expect, test } from "vitest";
import { hashOf, routeOf } from "../src/shell/route";

test.each([
  ["", { graph: null, view: "chat", id: null }],
  ["#/", { graph: null, view: "chat", id: null }],
  ["#/agent", { graph: "agent", view: "chat", id: null }],
  ["#/agent/graph/r1", { graph: "agent", view: "graph", id: "r1" }],
  ["#/agent/chat/ada:1", { graph: "agent", view: "chat", id: "ada:1" }],
  ["#/Deep%20Researcher/graph", { graph: "Deep Researcher", view: "graph", id: null }],
  ["#/100%/nowhere/x/y", { graph: "100%", view: "chat", id: "x" }],
])("%s is read", (hash, route) => {
  expect(routeOf(hash)).toEqual(route);
});

test.each(["agent", "Deep Researcher", "a/b", "агент", "100%", "#?&"])("a graph %s comes back", (graph) => {
  const route = { graph, view: "graph", id: "x/y" } as const;

  expect(routeOf(hashOf(route))).toEqual(route);
});
