/** A run's facts, of what the server lists of it, and else of its events. */
import type { RunInfo, Usage } from "@seltzer/client";
import type { RunSummary } from "../../server/runs";
import type { Run } from "../../state";

export interface RunFacts {
  readonly startedAt: string | null;
  readonly durationMs: number | null;
  readonly firstTokenMs: number | null;
  readonly tokens: number | null;
  readonly usage: Usage | null;
  readonly attempt: number;
}

/** known: when each of its events was emitted, in milliseconds after it was created. */
export function factsOf(
  info: RunInfo | null,
  summary: RunSummary | null,
  run: Run,
  known: readonly (number | null)[],
): RunFacts {
  const attempt = Math.max(info?.attempt ?? 0, run.attempt);
  const seen = { ...seenOf(run, known), startedAt: info?.created_at ?? null, usage: run.usage, attempt };
  if (summary === null) return { ...seen, tokens: null };
  return {
    startedAt: summary.started_at ?? seen.startedAt,
    durationMs: summary.duration_ms ?? seen.durationMs,
    firstTokenMs: summary.first_token_ms ?? seen.firstTokenMs,
    tokens: summary.tokens,
    usage: summary.usage ?? seen.usage,
    attempt,
  };
}

/** Returns what its events say of its times. */
function seenOf(run: Run, known: readonly (number | null)[]) {
  const [begun, last] = [known[0] ?? null, known.at(-1) ?? null];
  const shown = begun === null || last === null ? null : last - begun;
  const { firstTokenAt, startedAt } = run;
  return {
    durationMs: run.durationMs ?? shown,
    firstTokenMs: firstTokenAt === null || startedAt === null ? null : firstTokenAt - startedAt,
  };
}
