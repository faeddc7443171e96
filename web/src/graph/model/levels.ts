/** A graph and its sub-graphs as levels: each has nodes, some of which have a level within them. */
import type { Drawn, DrawnNode } from "../../server/graph";

export const START = "__start__";
export const END = "__end__";
const WITHIN = ":";

/** id: the names of the nodes around it and its own, as LangGraph joins them: `parent:child`. */
export interface GraphNode {
  readonly id: string;
  readonly name: string;
  /** Where a level begins and ends, which are no nodes of the author's. */
  readonly mark: "start" | "end" | null;
  /** The sub-graph that the node is; null for any other node. */
  readonly inner: Level | null;
  /** The names of the tools that the node calls, as far as LangGraph has them. */
  readonly tools: readonly string[];
}

export interface LevelEdge {
  readonly key: string;
  readonly source: string;
  readonly target: string;
  /** The names of the branches that lead along it. */
  readonly label: string;
  readonly isConditional: boolean;
}

/** id: the node's whose sub-graph it is; empty for the graph itself. */
export interface Level {
  readonly id: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly LevelEdge[];
}

export const nameOf = (id: string): string => id.slice(id.lastIndexOf(WITHIN) + 1);
export const within = (level: string, name: string): string => (level ? `${level}${WITHIN}${name}` : name);
export const idOf = (path: readonly string[]): string => path.join(WITHIN);
export const edgeKey = (source: string, target: string): string => `${source} ${target}`;

interface Making {
  readonly nodes: Map<string, { tools: readonly string[] }>;
  readonly edges: Map<
    string,
    { source: string; target: string; labels: Set<string>; isConditional: boolean }
  >;
}

/** Returns the graph that LangGraph has described with its sub-graphs unfolded. */
export function levelsOf(drawn: Drawn): Level {
  const levels = new Map<string, Making>();
  addLevel(levels, "");
  for (const node of drawn.nodes) addNode(levels, String(node.id).split(WITHIN), toolsOf(node));
  for (const edge of drawn.edges) {
    const label = typeof edge.data === "string" || typeof edge.data === "number" ? String(edge.data) : "";
    addEdge(levels, String(edge.source), String(edge.target), label, edge.conditional ?? false);
  }
  return levelAt(levels, "");
}

/** Returns the nodes of the level and of those within it, each after the one that it is in. */
export function allNodes(level: Level): readonly GraphNode[] {
  return level.nodes.flatMap((node) => (node.inner ? [node, ...allNodes(node.inner)] : [node]));
}

function addLevel(levels: Map<string, Making>, id: string): Making {
  const known = levels.get(id);
  if (known) return known;
  const made: Making = { nodes: new Map(), edges: new Map() };
  levels.set(id, made);
  return made;
}

function addNode(levels: Map<string, Making>, path: readonly string[], tools: readonly string[] = []): void {
  path.forEach((_, depth) => {
    const own = depth === path.length - 1 ? tools : [];
    const { nodes } = addLevel(levels, idOf(path.slice(0, depth)));
    const id = idOf(path.slice(0, depth + 1));
    if (own.length || !nodes.has(id)) nodes.set(id, { tools: own });
  });
}

/**
 * Adds an edge where both its ends are at one level: there it is between what contains them.
 *
 * Within what contains an end it comes from the start, or leads to the end: LangGraph leaves these two marks of a
 * sub-graph out where it can.
 */
function addEdge(
  levels: Map<string, Making>,
  source: string,
  target: string,
  label: string,
  isConditional: boolean,
): void {
  const [from, to] = [source.split(WITHIN), target.split(WITHIN)];
  const depth = commonDepth(from, to);
  connect(levels, depth, from.slice(0, depth + 1), to.slice(0, depth + 1), label, isConditional);
  for (let at = depth + 1; at < from.length; at++) {
    if (from[at] === END) break;
    const end = [...from.slice(0, at), END];
    connect(levels, at, from.slice(0, at + 1), end);
  }
  for (let at = depth + 1; at < to.length; at++) {
    if (to[at] === START) break;
    connect(levels, at, [...to.slice(0, at), START], to.slice(0, at + 1));
  }
}

/** Returns how deep both ends are in the same levels. A level's end leads to its start only around it. */
function commonDepth(from: readonly string[], to: readonly string[]): number {
  let depth = 0;
  while (depth < Math.min(from.length, to.length) - 1 && from[depth] === to[depth]) depth++;
  const isAround = depth > 0 && from[depth] === END && to[depth] === START;
  return isAround ? depth - 1 : depth;
}

function connect(
  levels: Map<string, Making>,
  depth: number,
  from: readonly string[],
  to: readonly string[],
  label = "",
  isConditional = false,
): void {
  addNode(levels, from);
  addNode(levels, to);
  const { edges } = addLevel(levels, idOf(from.slice(0, depth)));
  const [source, target] = [idOf(from), idOf(to)];
  const key = edgeKey(source, target);
  const edge = edges.get(key) ?? { source, target, labels: new Set(), isConditional };
  if (label) edge.labels.add(label);
  edges.set(key, { ...edge, isConditional: edge.isConditional && isConditional });
}

function levelAt(levels: ReadonlyMap<string, Making>, id: string): Level {
  const { nodes, edges } = levels.get(id) ?? { nodes: new Map(), edges: new Map() };
  return {
    id,
    nodes: [...nodes].map(([node, { tools }]) => ({
      id: node,
      name: nameOf(node),
      mark: markOf(nameOf(node)),
      inner: node && levels.has(node) ? levelAt(levels, node) : null,
      tools,
    })),
    edges: [...edges].map(([key, { labels, ...edge }]) => ({ key, ...edge, label: [...labels].join(" · ") })),
  };
}

function markOf(name: string): "start" | "end" | null {
  if (name === START) return "start";
  return name === END ? "end" : null;
}

function toolsOf(node: DrawnNode): readonly string[] {
  const tools = node.metadata?.["__tools"];
  return Array.isArray(tools) ? tools.map(String) : [];
}
