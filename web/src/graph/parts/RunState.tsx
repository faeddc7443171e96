import type { Run } from "../../state";
import { useWords } from "../../words";
import { wordsOf } from "../../words/errors";
import { count, duration } from "../model/format";
import { costIn } from "../model/usage";

/** What became of a run: its status, its error, its time and its tokens. */
export function RunState({ run }: { run: Run }) {
  const words = useWords();
  const cost = costIn(run.usage);
  return (
    <p class="run-state">
      <span class="state-line" data-state={run.status}>
        {words.runStates[run.status]}
      </span>
      {run.error && <span>{wordsOf(words, run.error.code) ?? run.error.message}</span>}
      {run.durationMs !== null && <span>{duration(run.durationMs, words)}</span>}
      {cost && cost.totalTokens > 0 && (
        <span title={words.inAndOut(count(cost.inputTokens), count(cost.outputTokens))}>
          {words.tokens(cost.totalTokens)}
        </span>
      )}
    </p>
  );
}
