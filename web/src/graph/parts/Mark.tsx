import type { NodeState } from "../model/activity";

const SHAPES: Readonly<Record<Exclude<NodeState, "idle">, string>> = {
  running: "M0 -5.5a5.5 5.5 0 1 1 -5.5 5.5",
  done: "m-4.2 0.4 2.9 2.9 5.6 -6",
  waiting: "M-2.2 -3.6v7.2M2.2 -3.6v7.2",
  failed: "M0 -4.4v5M0 3.6v0.4",
  stopped: "M-3 -3h6v6h-6Z",
};

interface Props {
  readonly state: NodeState;
  readonly x: number;
  readonly y: number;
}

/** The state of a node at its corner, so that colour isn't all that tells it. */
export function Mark({ state, x, y }: Props) {
  if (state === "idle") return null;
  return (
    <g class="state-mark" transform={`translate(${x} ${y})`} aria-hidden="true">
      <circle r="10" />
      <path d={SHAPES[state]} />
    </g>
  );
}
