/** Where each node and edge of a drawing is. */
import { graphlib, layout } from "@dagrejs/dagre";
import type { Drawn, DrawnNode } from "../server/graph";

export interface PlacedNode {
  readonly id: string;
  readonly name: string;
  /** Where a run begins and ends, which are no nodes of the author's. */
  readonly mark: "start" | "end" | null;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedEdge {
  readonly key: string;
  readonly source: string;
  readonly target: string;
  readonly label: string;
  readonly isConditional: boolean;
  readonly path: string;
  /** Where its label is. */
  readonly x: number;
  readonly y: number;
}

export interface Placed {
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
  readonly width: number;
  readonly height: number;
}

const MARKS: Readonly<Record<string, "start" | "end">> = { __start__: "start", __end__: "end" };
const MARK = { width: 52, height: 28 };
const NODE = { height: 60, letter: 8.4, least: 132, most: 280 };
const LABEL = { letter: 6.8, height: 18 };
const MARGIN = 24;

/** Lays a graph out from top to bottom. */
export function place(drawn: Drawn): Placed {
  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 48, ranksep: 52, marginx: MARGIN, marginy: MARGIN });
  for (const node of drawn.nodes) graph.setNode(String(node.id), sizeOf(node));
  const edges = drawn.edges.map((edge, index) => {
    const [source, target, label] = [String(edge.source), String(edge.target), labelOf(edge.data)];
    const size = label ? { width: label.length * LABEL.letter, height: LABEL.height } : {};
    graph.setEdge(source, target, { labelpos: "c", ...size }, String(index));
    return { key: String(index), source, target, label, isConditional: edge.conditional ?? false };
  });
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    nodes: drawn.nodes.map((node) => ({
      id: String(node.id),
      name: nameOf(node),
      mark: MARKS[node.id] ?? null,
      ...boxOf(graph.node(String(node.id))),
    })),
    edges: edges.map((edge) => {
      const drawnEdge = graph.edge(edge.source, edge.target, edge.key) as EdgeBox;
      const middle = drawnEdge.points[drawnEdge.points.length >> 1] ?? { x: 0, y: 0 };
      return {
        ...edge,
        path: edge.source === edge.target ? loop(boxOf(graph.node(edge.source))) : curve(drawnEdge.points),
        x: drawnEdge.x ?? middle.x,
        y: drawnEdge.y ?? middle.y,
      };
    }),
    width,
    height,
  };
}

interface Point {
  readonly x: number;
  readonly y: number;
}

interface EdgeBox {
  readonly points: readonly Point[];
  readonly x?: number;
  readonly y?: number;
}

function boxOf(box: Partial<Point & { width: number; height: number }>) {
  const { x = 0, y = 0, width = 0, height = 0 } = box;
  return { x, y, width, height };
}

function sizeOf(node: DrawnNode): { width: number; height: number } {
  if (node.id in MARKS) return { ...MARK };
  const width = nameOf(node).length * NODE.letter + 40;
  return { width: Math.min(Math.max(width, NODE.least), NODE.most), height: NODE.height };
}

/** A node within a graph that is unfolded is named by its own name, without those around it. */
function nameOf(node: DrawnNode): string {
  return String(node.id).split(":").at(-1) ?? "";
}

function labelOf(data: unknown): string {
  return typeof data === "string" || typeof data === "number" ? String(data) : "";
}

/** Returns an SVG path from a node's right side back to it. */
function loop({ x, y, width }: Point & { readonly width: number }): string {
  const side = x + width / 2;
  return `M${side},${y - 12} C${side + 44},${y - 30} ${side + 44},${y + 30} ${side},${y + 12}`;
}

/** Returns an SVG path through the points, whose corners are round. */
export function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  const last = rest.at(-1) ?? first;
  const bends = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? last;
    const isLast = index === rest.length - 2;
    const to = isLast ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${point.x},${point.y} ${to.x},${to.y}`;
  });
  return [`M${first.x},${first.y}`, ...(bends.length ? bends : [`L${last.x},${last.y}`])].join(" ");
}
