import type { PlacedEdge } from "../layout/place";

interface Props {
  readonly edge: PlacedEdge;
  readonly isTaken: boolean;
  /** The id of the arrow's head; one of an edge that was taken ends in `-taken`. */
  readonly head: string;
}

export function Edge({ edge, isTaken, head }: Props) {
  return (
    <g class="edge" data-conditional={edge.isConditional} data-taken={isTaken}>
      <path d={edge.path} marker-end={`url(#${isTaken ? `${head}-taken` : head})`} />
      {edge.shortLabel && (
        <text x={edge.x} y={edge.y} dy="0.35em">
          {edge.shortLabel !== edge.label && <title>{edge.label}</title>}
          {edge.shortLabel}
        </text>
      )}
    </g>
  );
}

/** The heads of arrows. */
export function Heads({ head }: { head: string }) {
  return (
    <defs>
      {[head, `${head}-taken`].map((id) => (
        <marker
          key={id}
          id={id}
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="8"
          markerHeight="8"
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path class={id === head ? "arrow" : "arrow is-taken"} d="M0 0.5 7.5 4 0 7.5Z" />
        </marker>
      ))}
    </defs>
  );
}
