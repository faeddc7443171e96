import type { Run } from "../../state";
import { useWords, type Words } from "../../words";
import { duration } from "../model/format";
import type { RunSummary } from "../../server/runs";
import { RunState } from "./RunState";

interface Props {
  /** The newest runs; null if they aren't known yet. */
  readonly runs: readonly RunSummary[] | null;
  readonly run: Run;
  /** The run that was chosen; null: the newest one, whichever it is. */
  readonly runId: string | null;
  readonly onChoose: (runId: string | null) => void;
}

const STATES: Readonly<Record<RunSummary["status"], Run["status"]>> = {
  pending: "queued",
  running: "running",
  success: "finished",
  error: "failed",
  interrupted: "interrupted",
  cancelled: "cancelled",
};

/** Choosing the run that is drawn, and what became of it. */
export function RunBar({ runs, run, runId, onChoose }: Props) {
  const words = useWords();
  const isListed = runId === null || runs?.some((each) => each.run_id === runId);
  return (
    <div class="run-bar">
      <label class="run-choice">
        <span>{words.shownRun}</span>
        <select
          class="field"
          value={runId ?? ""}
          onChange={(event) => onChoose(event.currentTarget.value || null)}
        >
          <option value="">{words.newestRun}</option>
          {!isListed && runId && <option value={runId}>{runId}</option>}
          {runs?.map((each) => (
            <option key={each.run_id} value={each.run_id}>
              {optionText(each, words)}
            </option>
          ))}
        </select>
      </label>
      {run.runId ? <RunState run={run} /> : runs?.length === 0 && <p class="note">{words.noRun}</p>}
    </div>
  );
}

function optionText(run: RunSummary, words: Words): string {
  const at = new Date(run.created_at);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = isToday ? at.toLocaleTimeString() : at.toLocaleString();
  const took = run.duration_ms === null ? "" : ` · ${duration(run.duration_ms, words)}`;
  return `${time} · ${words.runStates[STATES[run.status]]}${took}`;
}
