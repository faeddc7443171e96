import type { NodeActivity, Nodes } from "../state";
import { useWords } from "../words";
import type { Placed, PlacedEdge, PlacedNode } from "./layout";

interface Props {
  readonly name: string;
  readonly placed: Placed;
  readonly nodes: Nodes;
}

/** The drawing. To screen readers it is one image: the list beside it has what is in it. */
export function Drawing({ name, placed, nodes }: Props) {
  const words = useWords();
  return (
    <svg
      class="drawing"
      role="img"
      aria-label={words.drawingOf(name)}
      viewBox={`0 0 ${placed.width} ${placed.height}`}
      width={placed.width}
      height={placed.height}
    >
      <defs>
        <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path class="arrow" d="M0 0.5 7.5 4 0 7.5Z" />
        </marker>
      </defs>
      {placed.edges.map((edge) => (
        <Edge key={edge.key} edge={edge} />
      ))}
      {placed.nodes.map((node) => (
        <Node key={node.id} node={node} activity={nodes[node.id.replaceAll(":", "/")]} />
      ))}
    </svg>
  );
}

function Edge({ edge }: { edge: PlacedEdge }) {
  return (
    <g class={edge.isConditional ? "edge is-conditional" : "edge"}>
      <path d={edge.path} marker-end="url(#arrow)" />
      {edge.label && (
        <text x={edge.x} y={edge.y} dy="0.35em">
          {edge.label}
        </text>
      )}
    </g>
  );
}

function Node({ node, activity }: { node: PlacedNode; activity: NodeActivity | undefined }) {
  const words = useWords();
  const { x, y, width, height, mark } = node;
  const detail = activity ? words.nodeActivity(activity.times, activity.usage?.total_tokens ?? 0) : "";
  const names = { start: words.startMark, end: words.endMark };
  return (
    <g class={looksOf(node, activity)} data-node={node.id}>
      <rect x={x - width / 2} y={y - height / 2} width={width} height={height} rx={mark ? height / 2 : 12} />
      <text x={x} y={detail ? y - 9 : y} dy="0.35em">
        {mark ? names[mark] : node.name}
      </text>
      {detail && (
        <text class="node-detail" x={x} y={y + 12} dy="0.35em">
          {detail}
        </text>
      )}
    </g>
  );
}

function looksOf(node: PlacedNode, activity: NodeActivity | undefined): string {
  if (node.mark) return "node is-mark";
  if (!activity) return "node";
  return activity.isRunning ? "node is-running" : "node is-done";
}
