import type { Ref } from "preact";
import { useId, useMemo } from "preact/hooks";
import { useWords } from "../words";
import { nextStop, type Direction } from "./layout/movement";
import type { Placed, PlacedNode } from "./layout/place";
import { IDLE, type Work } from "./model/activity";
import { ClusterBox } from "./parts/ClusterBox";
import { Edge, Heads } from "./parts/Edge";
import { NodeBox } from "./parts/NodeBox";
import type { View } from "./viewport/view";

interface Props {
  readonly name: string;
  readonly placed: Placed;
  readonly work: Work;
  /** The time that it shows, for what is at work; null if no time is known. */
  readonly now: number | null;
  readonly view: View;
  readonly selected: string | null;
  /** Where the keyboard is. */
  readonly stop: string | null;
  readonly drawing: Ref<SVGSVGElement>;
  readonly onSelect: (id: string) => void;
  readonly onToggle: (id: string) => void;
  readonly onStop: (id: string) => void;
}

const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
};

/** The drawing. The keyboard moves in it by arrows, along the edges. */
export function Drawing(props: Props) {
  const { name, placed, work, now, view, selected, stop, drawing } = props;
  const words = useWords();
  const head = `arrow-${useId()}`;
  const first = placed.nodes.find((node) => !node.mark)?.id ?? placed.clusters[0]?.id;
  const stops = [...placed.nodes, ...placed.clusters];
  const current = stops.some((each) => each.id === stop) ? stop : first;

  const act = (key: string, at: string): boolean => {
    const direction = ARROWS[key];
    if (direction) props.onStop(nextStop(placed, at, direction));
    else if (key === " " && isGraph(placed, at)) props.onToggle(at);
    else if (key === "Enter" && placed.clusters.some((each) => each.id === at)) props.onToggle(at);
    else if (key === "Enter" || key === " ") props.onSelect(at);
    else return false;
    return true;
  };
  const pressed = (event: KeyboardEvent) => {
    if (!current || event.ctrlKey || event.metaKey || event.altKey || !act(event.key, current)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const stopOf = (id: string) => ({
    isSelected: id === selected,
    isStop: id === current,
    onSelect: () => props.onSelect(id),
    onToggle: () => props.onToggle(id),
    onFocus: () => props.onStop(id),
  });
  const parts = useMemo(
    () => [
      ...placed.clusters.map((each) => (
        <ClusterBox
          key={each.id}
          cluster={each}
          activity={work.nodes.get(each.id) ?? IDLE}
          now={now}
          {...stopOf(each.id)}
        />
      )),
      ...placed.edges.map((each) => (
        <Edge key={`edge ${each.key}`} edge={each} isTaken={work.taken.has(each.key)} head={head} />
      )),
      ...placed.nodes.map((each) =>
        each.mark ? (
          <MarkBox key={each.id} node={each} />
        ) : (
          <NodeBox
            key={each.id}
            node={each}
            activity={work.nodes.get(each.id) ?? IDLE}
            now={now}
            {...stopOf(each.id)}
          />
        ),
      ),
    ],
    [placed, work, now, selected, current, words],
  );
  return (
    <svg ref={drawing} class="drawing" role="group" aria-label={words.drawingOf(name)} onKeyDown={pressed}>
      <Heads head={head} />
      <g transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>{parts}</g>
    </svg>
  );
}

/** Where a run begins or ends: of a sub-graph it is a dot. */
function MarkBox({ node }: { node: PlacedNode }) {
  const words = useWords();
  const { x, y, width, height, mark } = node;
  if (node.isInner)
    return <circle class="dot" data-mark={mark} cx={x} cy={y} r={mark === "start" ? 4.5 : 5} />;
  return (
    <g class="terminal" data-node={node.id}>
      <rect x={x - width / 2} y={y - height / 2} width={width} height={height} rx={height / 2} />
      <text x={x} y={y} dy="0.35em">
        {mark === "start" ? words.startMark : words.endMark}
      </text>
    </g>
  );
}

const isGraph = ({ nodes, clusters }: Placed, id: string): boolean =>
  nodes.some((each) => each.id === id && each.isGraph) || clusters.some((each) => each.id === id);
