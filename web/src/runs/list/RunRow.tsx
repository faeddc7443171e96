import type { RunSummary } from "../../server/runs";
import { hashOf } from "../../shell/route";
import { useWords } from "../../words";
import { agoOf, durationOf, exactOf, numberOf } from "../model/format";
import { isActive } from "../model/list";
import { StatusMark } from "../StatusMark";

interface Props {
  readonly run: RunSummary;
  /** The time on the server. */
  readonly now: number;
}

/** A run in the list; a card where there is no room for a row. */
export function RunRow({ run, now }: Props) {
  const words = useWords();
  const language = words.languageCode;
  const begun = run.started_at ?? run.created_at;
  const exact = exactOf(begun, language);
  const firstToken = run.first_token_ms === null ? null : durationOf(run.first_token_ms, language);
  return (
    <tr class="run-row" role="row">
      <td role="cell" class="run-cell is-status">
        <StatusMark status={run.status} />
      </td>
      <th class="run-cell is-graph" scope="row" role="rowheader">
        <a
          class="run-link"
          href={hashOf({ graph: run.graph, view: "runs", id: run.run_id })}
          aria-label={words.openRun(run.graph, exact)}
          dir="auto"
        >
          {run.graph}
        </a>
      </th>
      <td role="cell" class="run-cell is-started">
        <time dateTime={begun} title={exact}>
          {agoOf(now - Date.parse(begun), language)}
        </time>
      </td>
      <Cell label={words.duration} value={lengthOf(run, now, language)} />
      <Cell label={words.firstToken} value={firstToken} />
      <Cell label={words.tokensColumn} value={run.tokens === null ? null : numberOf(run.tokens, language)} />
      <td role="cell" class="run-cell is-notes">
        {run.attempt > 1 && <span class="run-attempts">{words.attemptsCount(run.attempt)}</span>}
        {run.error !== null && <code class="run-error">{run.error}</code>}
      </td>
    </tr>
  );
}

function Cell({ label, value }: { label: string; value: string | null }) {
  return (
    <td role="cell" class="run-cell is-number" data-label={label} data-empty={value === null}>
      {value ?? "–"}
    </td>
  );
}

/** Returns how long a run has taken, or has taken up to now; null of one that hasn't begun. */
export function lengthOf(run: RunSummary, now: number, language: string): string | null {
  if (run.duration_ms !== null) return durationOf(run.duration_ms, language);
  if (!isActive(run.status) || run.started_at === null) return null;
  return durationOf(Math.max(0, Math.floor((now - Date.parse(run.started_at)) / 1_000) * 1_000), language);
}
