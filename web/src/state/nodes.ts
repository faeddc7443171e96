/** What the nodes of a graph do in a run: for the drawing, which lights them. */
import type { Json, Usage } from "@seltzer/client";
import { messagesIn, usageOf } from "./thread";

/** A node's activity. times: how often it has ended. */
export interface NodeActivity {
  readonly path: readonly string[];
  readonly isRunning: boolean;
  readonly times: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly models: readonly string[];
  readonly usage: Usage | null;
}

/** By nodeKey() of the path. */
export type Nodes = Readonly<Record<string, NodeActivity>>;

/** Returns the key of a node: the names of the nodes around it, and its own. */
export const nodeKey = (path: readonly string[]): string => path.join("/");

const IDLE: Omit<NodeActivity, "path"> = {
  isRunning: false,
  times: 0,
  startedAt: null,
  endedAt: null,
  models: [],
  usage: null,
};

/** A model has begun to write in the node: the node is at work, and so are those around it. */
export function nodeBegun(
  nodes: Nodes,
  path: readonly string[],
  model: string | null,
  at: number | null,
): Nodes {
  const changed: Record<string, NodeActivity> = { ...nodes };
  for (let depth = 1; depth <= path.length; depth++) {
    const around = path.slice(0, depth);
    const before = changed[nodeKey(around)] ?? { ...IDLE, path: around };
    const isNew = !before.isRunning;
    const used = depth === path.length && model && !before.models.includes(model) ? [model] : [];
    changed[nodeKey(around)] = {
      ...before,
      isRunning: true,
      startedAt: isNew ? at : before.startedAt,
      endedAt: isNew ? null : before.endedAt,
      models: [...before.models, ...used],
    };
  }
  return changed;
}

/** The node has ended, and has written the values; those around it are at work. */
export function nodeEnded(nodes: Nodes, path: readonly string[], values: Json, at: number | null): Nodes {
  const within = path.length > 1 ? nodeBegun(nodes, path.slice(0, -1), null, at) : nodes;
  const before = within[nodeKey(path)] ?? { ...IDLE, path };
  const usage = messagesIn(values).map(usageOf).reduce(sumOf, before.usage);
  const ended = { ...before, isRunning: false, times: before.times + 1, endedAt: at, usage };
  return { ...within, [nodeKey(path)]: ended };
}

/** The run is over: nothing runs any more. */
export function allEnded(nodes: Nodes, at: number | null): Nodes {
  return Object.fromEntries(
    Object.entries(nodes).map(([key, node]) => [
      key,
      node.isRunning ? { ...node, isRunning: false, endedAt: at } : node,
    ]),
  );
}

/** Returns the sum of what two calls have cost; null is nothing. */
export function sumOf(one: Usage | null, other: Usage | null): Usage | null {
  if (!one || !other) return one ?? other;
  return {
    input_tokens: one.input_tokens + other.input_tokens,
    output_tokens: one.output_tokens + other.output_tokens,
    total_tokens: one.total_tokens + other.total_tokens,
  };
}
