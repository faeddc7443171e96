import { SeltzerError, type RunInfo } from "@seltzer/client";
import { useEffect, useState } from "preact/hooks";
import { findRun, getRun, type RunSummary } from "../../server/runs";
import type { LogPhase } from "./use-log";

/** What the server knows of a run beside its events; null: it isn't known yet. */
export interface Facts {
  readonly run: RunInfo | null;
  readonly summary: RunSummary | null;
  readonly error: SeltzerError | null;
}

const NOTHING: Facts = { run: null, summary: null, error: null };

/** Returns a run's facts, asked for again once its log shows that it has begun or ended. */
export function useFacts(
  graph: string,
  name: string,
  runId: string,
  phase: LogPhase,
  attempt: number,
): Facts {
  const [facts, setFacts] = useState(NOTHING);
  useEffect(() => setFacts(NOTHING), [graph, runId]);
  useEffect(() => {
    const asking = new AbortController();
    const ask = async () => {
      const run = await getRun(graph, runId, asking.signal);
      setFacts((known) => ({ ...known, run, error: null }));
      const summary = await findRun(name, run.thread_id, runId, asking.signal);
      setFacts((known) => ({ ...known, summary }));
    };
    ask().catch((error: unknown) => {
      if (asking.signal.aborted) return;
      if (!(error instanceof SeltzerError)) throw error;
      setFacts((known) => ({ ...known, error }));
    });
    return () => asking.abort();
  }, [graph, name, runId, phase, attempt]);
  return facts;
}
