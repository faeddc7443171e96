import { useWords } from "../../words";
import type { PlacedNode } from "../layout/place";
import type { Activity } from "../model/activity";
import { briefly, spent } from "../model/format";
import { Mark } from "./Mark";
import { described, type Stop } from "./stop";

interface Props extends Stop {
  readonly node: PlacedNode;
  readonly activity: Activity;
  readonly now: number | null;
}

const ROOM = { letter: 12, line: 17 };

/** A node: what it is called, and what it has done. */
export function NodeBox({ node, activity, now, isSelected, isStop, onSelect, onToggle, onFocus }: Props) {
  const words = useWords();
  const { x, y, width, height } = node;
  const details = [briefly(activity, now, words), spent(activity, words)].filter(Boolean);
  const first = y - (details.length * ROOM.line) / 2;
  const middle = node.isGraph ? x - 12 : x;
  return (
    <g
      class="node"
      data-node={node.id}
      data-stop={node.id}
      data-state={activity.state}
      data-presumed={activity.isPresumed}
      role="button"
      tabIndex={isStop ? 0 : -1}
      aria-label={described(node.name, activity, now, words, node.isGraph)}
      aria-pressed={isSelected}
      onClick={onSelect}
      onDblClick={node.isGraph ? onToggle : undefined}
      onFocus={onFocus}
    >
      {node.label !== node.name && <title>{node.name}</title>}
      {node.isGraph && (
        <rect
          class="node-stack"
          x={x - width / 2 + 5}
          y={y - height / 2 + 5}
          width={width}
          height={height}
          rx={14}
        />
      )}
      <rect class="node-box" x={x - width / 2} y={y - height / 2} width={width} height={height} rx={14} />
      <text class="node-name" x={middle} y={first} dy="0.35em">
        {`${node.label} `}
      </text>
      {details.map((detail, index) => (
        <text key={index} class="node-detail" x={middle} y={first + ROOM.line * (index + 1) + 2} dy="0.35em">
          {`${detail} `}
        </text>
      ))}
      {node.isGraph && <Toggle x={x + width / 2 - 24} y={y} onToggle={onToggle} />}
      {activity.running > 1 && <Several x={x - width / 2 + 4} y={y - height / 2} count={activity.running} />}
      <Mark state={activity.state} x={x + width / 2 - 4} y={y - height / 2 + 2} />
    </g>
  );
}

/** How many runs of the node are at work. */
function Several({ x, y, count }: { x: number; y: number; count: number }) {
  const text = `${count}×`;
  const width = text.length * 8 + 12;
  return (
    <g class="node-several" aria-hidden="true">
      <rect x={x - 6} y={y - 10} width={width} height={20} rx={10} />
      <text x={x - 6 + width / 2} y={y} dy="0.35em">
        {text}
      </text>
    </g>
  );
}

/** Unfolds a sub-graph. The keyboard does it by Space: a button within a button would be none. */
function Toggle({ x, y, onToggle }: { x: number; y: number; onToggle: () => void }) {
  return (
    <g
      class="toggle"
      aria-hidden="true"
      onClick={(event) => {
        event.stopPropagation();
        onToggle();
      }}
    >
      <rect x={x - 16} y={y - 22} width={36} height={44} rx={10} />
      <path d={`M${x - 2} ${y - 6}l6 6-6 6`} />
    </g>
  );
}
