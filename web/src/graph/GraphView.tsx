import { SeltzerError } from "@seltzer/client";
import { useEffect, useMemo, useState } from "preact/hooks";
import { getGraph, type Drawn } from "../server/graph";
import type { GraphInfo } from "../server/info";
import { Notice } from "../shell/Notice";
import { useWords } from "../words";
import { Drawing } from "./Drawing";
import "./graph.css";
import { place, type Placed } from "./layout";
import { useRun } from "./use-run";

export interface GraphProps {
  readonly graph: GraphInfo;
  /** The run that is shown on it. */
  readonly runId: string | null;
}

/** The graph as a drawing; with a run, what each node does in it. */
export default function GraphView({ graph, runId }: GraphProps) {
  const words = useWords();
  const [drawn, setDrawn] = useState<Drawn | null>(null);
  const [error, setError] = useState<SeltzerError | null>(null);
  const [run, lost] = useRun(graph.path, runId);
  const ask = () => {
    setError(null);
    getGraph(graph.path).then(setDrawn, (reason: unknown) => {
      if (!(reason instanceof SeltzerError)) throw reason;
      setError(reason);
    });
  };
  useEffect(ask, [graph.path]);
  const placed = useMemo(() => (drawn ? place(drawn) : null), [drawn]);

  if (error) {
    return <Notice text={words.failed} detail={error.message} action={words.tryAgain} onAction={ask} />;
  }
  if (placed === null) return <p class="note placeholder">{words.loading}</p>;
  return (
    <section class="graph-view" aria-label={words.graph}>
      {lost && <Notice text={words.failed} detail={lost.message} />}
      <div class="canvas" tabIndex={0} role="region" aria-label={words.drawingOf(graph.name)}>
        <Drawing name={graph.name} placed={placed} nodes={run.nodes} />
      </div>
      <Outline placed={placed} />
    </section>
  );
}

/** What the drawing shows, as a list. */
function Outline({ placed }: { placed: Placed }) {
  const words = useWords();
  const nameOf = (id: string) => {
    const node = placed.nodes.find((each) => each.id === id);
    if (node?.mark) return node.mark === "start" ? words.startMark : words.endMark;
    return node?.name ?? id;
  };
  return (
    <details class="outline">
      <summary>{words.asList}</summary>
      <ul>
        {placed.edges.map((edge) => (
          <li key={edge.key}>
            {words.leadsTo(nameOf(edge.source), nameOf(edge.target), edge.label, edge.isConditional)}
          </li>
        ))}
      </ul>
    </details>
  );
}
