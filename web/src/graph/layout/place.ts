/** Where everything of a drawing is: each level is laid out by itself, and is one box to the level around it. */
import { graphlib, layout } from "@dagrejs/dagre";
import type { GraphNode, Level, LevelEdge } from "../model/levels";
import { curve, loop, type Box, type Point } from "./curve";
import { cut, widthOf } from "./text";

export interface PlacedNode extends Box {
  readonly id: string;
  readonly name: string;
  /** As much of its name as there is room for. */
  readonly label: string;
  readonly mark: "start" | "end" | null;
  /** A mark within a sub-graph: it is drawn as a dot. */
  readonly isInner: boolean;
  /** It is a sub-graph that can be unfolded. */
  readonly isGraph: boolean;
}

/** A sub-graph that is unfolded. */
export interface Cluster extends Box {
  readonly id: string;
  readonly name: string;
  readonly label: string;
}

export interface PlacedEdge extends Point {
  readonly key: string;
  readonly source: string;
  readonly target: string;
  readonly label: string;
  /** As much of its label as there is room for; its place is x and y. */
  readonly shortLabel: string;
  readonly isConditional: boolean;
  readonly path: string;
}

/** Clusters are in the order in which they are drawn: what contains others first. */
export interface Placed {
  readonly nodes: readonly PlacedNode[];
  readonly clusters: readonly Cluster[];
  readonly edges: readonly PlacedEdge[];
  readonly width: number;
  readonly height: number;
}

export const TITLE_HEIGHT = 36;
const MARGIN = 20;
const MARK = { width: 56, height: 28 };
const DOT = { width: 12, height: 12 };
const NODE = { height: 68, letter: 8.2, padding: 44, least: 156, most: 300 };
const LABEL = { letter: 6.6, height: 20, padding: 8, most: 190 };
const LOOP = 40;
const TOGGLE = 30;

/** Lays a graph out from top to bottom. unfolded: the ids of the sub-graphs that are shown unfolded. */
export function place(level: Level, unfolded: ReadonlySet<string>): Placed {
  const { edges, ...placed } = layOut(level, unfolded);
  return {
    ...placed,
    edges: edges.map(({ points, box, ...edge }) => ({
      ...edge,
      path: box ? loop(box, edge.x - edge.labelWidth / 2 - box.x - box.width / 2) : curve(points),
    })),
  };
}

/** An edge before it is a path, so that it can be moved. box: of the node that it leads from and to. */
interface Line extends Omit<PlacedEdge, "path"> {
  readonly points: readonly Point[];
  readonly box: Box | null;
  readonly labelWidth: number;
}

interface LaidOut extends Omit<Placed, "edges"> {
  readonly edges: readonly Line[];
}

function layOut(level: Level, unfolded: ReadonlySet<string>): LaidOut {
  const inner = new Map<string, LaidOut>();
  for (const node of level.nodes) {
    if (node.inner && unfolded.has(node.id)) inner.set(node.id, layOut(node.inner, unfolded));
  }
  const graph = arranged(level, inner);
  const top = level.id ? TITLE_HEIGHT - MARGIN / 2 : 0;
  const { width = 0, height = 0 } = graph.graph() as Partial<Box>;
  const laid = level.nodes.map((node) => {
    const box = boxOf(graph.node(node.id) as Partial<Box>);
    return laidNode(node, level, { ...box, y: box.y + top }, inner.get(node.id));
  });
  return {
    nodes: laid.flatMap((each) => each.nodes),
    clusters: laid.flatMap((each) => each.clusters),
    edges: [...level.edges.map((edge) => line(edge, graph, top)), ...laid.flatMap((each) => each.edges)],
    width: finite(width),
    height: finite(height) + top,
  };
}

function arranged(level: Level, inner: ReadonlyMap<string, LaidOut>): InstanceType<typeof graphlib.Graph> {
  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 36, edgesep: 24, ranksep: 38, marginx: MARGIN, marginy: MARGIN });
  for (const node of level.nodes) graph.setNode(node.id, sizeOf(node, level, inner.get(node.id)));
  for (const edge of level.edges) graph.setEdge(edge.source, edge.target, labelSize(edge), edge.key);
  layout(graph);
  return graph;
}

function laidNode(node: GraphNode, level: Level, box: Box, inner?: LaidOut): LaidOut {
  const { width, height } = box;
  if (!inner) return { nodes: [placedNode(node, level, box)], clusters: [], edges: [], width, height };
  const moved = move(inner, box.x - inner.width / 2, box.y - height / 2);
  return { ...moved, clusters: [clusterOf(node, box), ...moved.clusters] };
}

function move(laid: LaidOut, x: number, y: number): LaidOut {
  const by = <T extends Point>(each: T): T => ({ ...each, x: each.x + x, y: each.y + y });
  return {
    ...laid,
    nodes: laid.nodes.map(by),
    clusters: laid.clusters.map(by),
    edges: laid.edges.map((edge) => ({
      ...by(edge),
      points: edge.points.map(by),
      box: edge.box && by(edge.box),
    })),
  };
}

function sizeOf(node: GraphNode, level: Level, inner?: LaidOut): { width: number; height: number } {
  if (inner) return { width: Math.max(inner.width, titleWidth(node)), height: inner.height };
  if (node.mark) return { ...(level.id ? DOT : MARK) };
  const width = widthOf(node.name, NODE.letter) + NODE.padding + (node.inner ? TOGGLE : 0);
  return { width: Math.min(Math.max(width, NODE.least), NODE.most), height: NODE.height };
}

const titleWidth = (node: GraphNode): number =>
  Math.min(widthOf(node.name, NODE.letter), NODE.most) + TOGGLE + MARGIN * 2;

function placedNode(node: GraphNode, level: Level, box: Box): PlacedNode {
  const { id, name, mark } = node;
  const isGraph = node.inner !== null;
  const room = box.width - NODE.padding + 16 - (isGraph ? TOGGLE : 0);
  return {
    id,
    name,
    label: cut(name, room, NODE.letter),
    mark,
    isInner: level.id !== "",
    isGraph,
    ...box,
  };
}

function clusterOf({ id, name }: GraphNode, box: Box): Cluster {
  return { id, name, label: cut(name, box.width - TOGGLE - MARGIN, NODE.letter), ...box };
}

/** A label's room is its edge's: dagre keeps it free. A loop has room at its node's side. */
function labelSize(edge: LevelEdge): { labelpos: "c"; width: number; height: number } {
  const width = edge.label ? shownWidth(edge) : 0;
  if (edge.source === edge.target) return { labelpos: "c", width: width + LOOP * 2, height: LABEL.height };
  return { labelpos: "c", width, height: edge.label ? LABEL.height : 0 };
}

const shownWidth = (edge: LevelEdge): number =>
  widthOf(cut(edge.label, LABEL.most, LABEL.letter), LABEL.letter) + LABEL.padding;

function line(edge: LevelEdge, graph: InstanceType<typeof graphlib.Graph>, top: number): Line {
  const found = graph.edge(edge.source, edge.target, edge.key) as Partial<Point> & {
    points: readonly Point[];
  };
  const points = found.points.map((point) => ({ x: point.x, y: point.y + top }));
  const middle = points[points.length >> 1] ?? { x: 0, y: 0 };
  const node = boxOf(graph.node(edge.source) as Partial<Box>);
  const box = edge.source === edge.target ? { ...node, y: node.y + top } : null;
  const labelWidth = edge.label ? shownWidth(edge) : 0;
  const place = box
    ? { x: box.x + box.width / 2 + LOOP + labelWidth / 2, y: box.y }
    : { x: found.x ?? middle.x, y: (found.y ?? middle.y - top) + top };
  const shortLabel = cut(edge.label, LABEL.most, LABEL.letter);
  return { ...edge, shortLabel, ...place, points, box, labelWidth };
}

function boxOf(box: Partial<Box>): Box {
  const { x = 0, y = 0, width = 0, height = 0 } = box;
  return { x, y, width, height };
}

/** The size of an empty graph isn't a number. */
const finite = (size: number): number => (Number.isFinite(size) ? size : 0);
