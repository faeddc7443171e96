import { SeltzerError } from "@seltzer/client";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { getGraph, type Drawn } from "../server/graph";
import { Notice } from "../shell/Notice";
import { isOver, type Run } from "../state";
import { useWords } from "../words";
import { Drawing } from "./Drawing";
import "./graph.css";
import type { Box } from "./layout/curve";
import { place } from "./layout/place";
import { IDLE, workOf } from "./model/activity";
import { allNodes, levelsOf, type Level } from "./model/levels";
import { Outline } from "./parts/Outline";
import { Panel } from "./parts/Panel";
import { Toolbar } from "./parts/Toolbar";
import { toggled, useUnfolded } from "./unfolded";
import { useNow } from "./use-now";
import { useViewport } from "./viewport/use-viewport";
import type { Rect } from "./viewport/view";

export interface GraphAtProps {
  /** Of /info: the graph's name, and the path of its routes. */
  readonly graph: { readonly name: string; readonly path: string };
  /** The run as it is drawn: as it is now, or as a Timeline has it at some moment. QUEUED draws the graph alone. */
  readonly run: Run;
  /** The moment, in milliseconds since 1970, up to which nodes at work are timed; left out: the present. */
  readonly at?: number | null;
  /** Whether the run answers an earlier one's question: then it begins where that one has stopped. */
  readonly isContinued?: boolean;
}

/**
 * A graph with what its nodes do in a run: lit, with times, tokens and errors; zoomed, unfolded and asked for details.
 *
 * It fills the height that its container gives it, 16rem at least. Whoever shows a run at a moment, as a scrubber does,
 * embeds it as `<GraphAt graph={info} run={timeline.at(count)} at={entry.at} />`: the run is all that changes.
 */
export function GraphAt({ graph, run, at, isContinued = false }: GraphAtProps) {
  const words = useWords();
  const [drawn, error, ask] = useDrawn(graph.path);
  const level = useMemo(() => (drawn ? levelsOf(drawn) : null), [drawn]);
  if (error) {
    return (
      <Notice text={words.graphNotDrawn} detail={error.message} action={words.tryAgain} onAction={ask} />
    );
  }
  if (level === null) return <p class="note placeholder">{words.loading}</p>;
  return <Canvas graph={graph} level={level} run={run} at={at} isContinued={isContinued} />;
}

function useDrawn(path: string): [Drawn | null, SeltzerError | null, () => void] {
  const [drawn, setDrawn] = useState<Drawn | null>(null);
  const [error, setError] = useState<SeltzerError | null>(null);
  const ask = () => {
    setError(null);
    getGraph(path).then(setDrawn, (reason: unknown) => {
      if (!(reason instanceof SeltzerError)) throw reason;
      setError(reason);
    });
  };
  useEffect(ask, [path]);
  return [drawn, error, ask];
}

interface CanvasProps extends Pick<GraphAtProps, "graph" | "run"> {
  readonly level: Level;
  readonly at: number | null | undefined;
  readonly isContinued: boolean;
}

function Canvas({ graph, level, run, at, isContinued }: CanvasProps) {
  const words = useWords();
  const [unfolded, setUnfolded] = useUnfolded(graph.path);
  const [selected, setSelected] = useState<string | null>(null);
  const placed = useMemo(() => place(level, unfolded), [level, unfolded]);
  const work = useMemo(() => workOf(run, level, !isContinued), [run, level, isContinued]);
  const now = useMoment(run, at);
  const begin = placed.nodes.find((node) => node.mark === "start") ?? { x: placed.width / 2 };
  const busy = placed.nodes.find((node) => work.nodes.get(node.id)?.state === "running");
  const viewport = useViewport(placed, begin, busy ? rectOf(busy) : null);
  const [stop, drawing, focus] = useStop((id) => {
    const box = [...placed.nodes, ...placed.clusters].find((each) => each.id === id);
    if (box) viewport.reveal(rectOf(box));
  });
  const graphs = allNodes(level).filter((node) => node.inner);
  const toggle = (id: string) => {
    setUnfolded((ids) => toggled(ids, id));
    focus(id);
  };
  const close = () => {
    setSelected(null);
    if (selected) focus(selected);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { "+": viewport.zoomIn, "=": viewport.zoomIn, "-": viewport.zoomOut, "0": viewport.fit }[
      event.key
    ];
    if (act) act();
    else if (event.key === "Escape" && selected) close();
    else return;
    event.preventDefault();
  };
  const chosen = allNodes(level).find((node) => node.id === selected);
  return (
    <section class="graph-at" aria-label={words.graph} onKeyDown={pressed}>
      <div class="graph-stage">
        <div class="graph-canvas" ref={viewport.window}>
          <Drawing
            name={graph.name}
            placed={placed}
            work={work}
            now={now}
            view={viewport.view}
            selected={selected}
            stop={stop}
            drawing={drawing}
            onSelect={(id) => setSelected(id === selected ? null : id)}
            onToggle={toggle}
            onStop={(id) => id !== stop && focus(id)}
          />
          <Toolbar
            viewport={viewport}
            isUnfolded={graphs.length > 0 && graphs.every((node) => unfolded.has(node.id))}
            onUnfold={
              graphs.length
                ? (isAll) => setUnfolded(() => new Set(isAll ? graphs.map((node) => node.id) : []))
                : null
            }
          />
        </div>
        {chosen && (
          <Panel
            key={chosen.id}
            node={chosen}
            activity={work.nodes.get(chosen.id) ?? IDLE}
            run={run}
            now={now}
            isUnfolded={unfolded.has(chosen.id)}
            onToggle={chosen.inner ? () => setUnfolded((ids) => toggled(ids, chosen.id)) : null}
            onClose={close}
          />
        )}
      </div>
      <Outline level={level} work={work} now={now} />
    </section>
  );
}

/** Returns the time up to which a node at work is timed. */
function useMoment(run: Run, at: number | null | undefined): number | null {
  const present = useNow(at === undefined && run.status === "running");
  if (at !== undefined) return at;
  return isOver(run) ? run.endedAt : present;
}

const rectOf = (box: Box): Rect => ({ ...box, x: box.x - box.width / 2, y: box.y - box.height / 2 });

/** Returns where the keyboard is in the drawing, the drawing's ref, and what moves the focus there. */
function useStop(reveal: (id: string) => void) {
  const drawing = useRef<SVGSVGElement>(null);
  const [stop, setStop] = useState<string | null>(null);
  const wanted = useRef<string | null>(null);
  useLayoutEffect(() => {
    const id = wanted.current;
    wanted.current = null;
    if (id === null) return;
    const element = drawing.current?.querySelector<SVGElement>(`[data-stop="${CSS.escape(id)}"]`);
    if (element && element !== document.activeElement) element.focus({ preventScroll: true });
    if (element?.matches(":focus-visible")) reveal(id);
  });
  const focus = (id: string) => {
    wanted.current = id;
    setStop(id);
  };
  return [stop, drawing, focus] as const;
}
