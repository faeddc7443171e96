/** Graphs as LangGraph describes them. */
import type { Drawn } from "../../src/server/graph";

const nodes = (...ids: readonly string[]): Drawn["nodes"] => ids.map((id) => ({ id, type: "runnable" }));

export const AGENT: Drawn = {
  nodes: [
    ...nodes("__start__", "agent"),
    { id: "tools", type: "runnable", metadata: { __tools: ["add"] } },
    ...nodes("__end__"),
  ],
  edges: [
    { source: "__start__", target: "agent" },
    { source: "agent", target: "tools", conditional: true },
    { source: "agent", target: "__end__", conditional: true, data: "done" },
    { source: "tools", target: "agent" },
  ],
};

/** A sub-graph `research`, which has another one, `find`; LangGraph has left their marks out where it could. */
export const NESTED: Drawn = {
  nodes: nodes(
    "__start__",
    "research:plan",
    "research:find:look",
    "research:find:read",
    "research:find:__end__",
    "write",
    "__end__",
  ),
  edges: [
    { source: "__start__", target: "research:plan" },
    { source: "research:plan", target: "research:find:look" },
    { source: "research:find:look", target: "research:find:read" },
    { source: "research:find:read", target: "research:find:__end__" },
    { source: "research:find:__end__", target: "write" },
    { source: "write", target: "__end__" },
  ],
};

/** Three branches at once, of which one takes longer, and what waits for all. */
export const FORK: Drawn = {
  nodes: nodes("__start__", "left", "right", "more", "join", "__end__"),
  edges: [
    { source: "__start__", target: "left" },
    { source: "__start__", target: "right" },
    { source: "right", target: "more" },
    { source: "left", target: "join" },
    { source: "more", target: "join" },
    { source: "join", target: "__end__" },
  ],
};
