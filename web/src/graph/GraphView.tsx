import { Notice } from "../shell/Notice";
import type { GraphInfo } from "../server/info";
import { navigate } from "../shell/use-route";
import { useWords } from "../words";
import { GraphAt } from "./GraphAt";
import { RunBar } from "./parts/RunBar";
import { isContinued } from "./use-continued";
import { useRun } from "./use-run";
import { useRuns } from "./use-runs";

export interface GraphProps {
  readonly graph: GraphInfo;
  /** The run that is shown on it; null: the newest one. */
  readonly runId: string | null;
  /** The conversation that the chat shows, or has shown last: its newest run comes first. */
  readonly threadId?: string | null;
}

/** The graph as a drawing, with what each node does in a run. */
export default function GraphView({ graph, runId, threadId = null }: GraphProps) {
  const words = useWords();
  const runs = useRuns(graph.name);
  const newest = runs?.find((each) => each.thread_id === threadId) ?? runs?.[0];
  const shown = runId ?? newest?.run_id ?? null;
  const [run, lost] = useRun(graph.path, shown);
  return (
    <div class="graph-view">
      <RunBar
        runs={runs}
        run={run}
        runId={runId}
        onChoose={(id) => navigate({ graph: graph.name, view: "graph", id }, { replace: true })}
      />
      {lost && <Notice text={words.failed} detail={lost.message} />}
      <GraphAt graph={graph} run={run} isContinued={isContinued(runs ?? [], shown)} />
    </div>
  );
}
