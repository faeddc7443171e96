import type { GraphInfo } from "../server/info";
import { useWords } from "../words";
import { wordsOf } from "../words/errors";
import { GraphAt } from "./GraphAt";
import { RunState } from "./parts/RunState";
import { useContinued } from "./use-continued";
import { useRun } from "./use-run";

export interface BesideProps {
  readonly graph: GraphInfo;
  /** The thread that the chat shows; null: a new one. */
  readonly threadId: string | null;
  /** The run of its newest turn; null: none yet. */
  readonly runId: string | null;
}

/** The graph beside the chat, with what its nodes do in the run of the newest turn. */
export default function GraphBeside({ graph, threadId, runId }: BesideProps) {
  const words = useWords();
  const [run, lost] = useRun(graph.path, runId);
  const isContinued = useContinued(graph.name, threadId, runId);
  return (
    <>
      <div class="run-bar">
        {lost === null && run.runId ? (
          <RunState run={run} />
        ) : (
          <p class="note">{lost ? (wordsOf(words, lost.code) ?? lost.message) : words.noRun}</p>
        )}
      </div>
      <GraphAt graph={graph} run={run} isContinued={isContinued} />
    </>
  );
}
