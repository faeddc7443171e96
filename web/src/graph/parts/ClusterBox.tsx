import { useWords } from "../../words";
import { TITLE_HEIGHT, type Cluster } from "../layout/place";
import type { Activity } from "../model/activity";
import { briefly } from "../model/format";
import { widthOf } from "../layout/text";
import { described, type Stop } from "./stop";

interface Props extends Stop {
  readonly cluster: Cluster;
  readonly activity: Activity;
  readonly now: number | null;
}

/** A sub-graph that is unfolded: a box around its nodes, whose title folds it. */
export function ClusterBox({ cluster, activity, now, isStop, onToggle, onFocus }: Props) {
  const words = useWords();
  const [left, top] = [cluster.x - cluster.width / 2, cluster.y - cluster.height / 2];
  const detail = briefly(activity, now, words);
  const name = widthOf(cluster.label, 7.8);
  const hasRoom = name + widthOf(detail, 6.2) + 64 < cluster.width;
  const middle = top + TITLE_HEIGHT / 2;
  return (
    <g class="cluster" data-cluster={cluster.id} data-state={activity.state}>
      <rect class="cluster-box" x={left} y={top} width={cluster.width} height={cluster.height} rx={16} />
      <g
        class="cluster-title"
        role="button"
        data-stop={cluster.id}
        tabIndex={isStop ? 0 : -1}
        aria-expanded="true"
        aria-label={described(cluster.name, activity, now, words, true)}
        onClick={onToggle}
        onFocus={onFocus}
      >
        <rect x={left + 3} y={top + 3} width={cluster.width - 6} height={TITLE_HEIGHT - 6} rx={12} />
        <path class="cluster-chevron" d={`M${left + 14} ${middle - 3}l6 6 6-6`} />
        <text x={left + 34} y={middle} dy="0.35em">
          {`${cluster.label} `}
          {hasRoom && detail && (
            <tspan class="node-detail" dx="10">
              {detail}
            </tspan>
          )}
        </text>
      </g>
    </g>
  );
}
