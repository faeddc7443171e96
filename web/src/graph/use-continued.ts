import { SeltzerError } from "@seltzer/client";
import { useEffect, useState } from "preact/hooks";
import { listRuns, type RunSummary } from "../server/runs";

const LISTED = 30;

/** Whether the run before it on its thread waits for an answer. runs: the newest first. */
export function isContinued(runs: readonly RunSummary[], runId: string | null): boolean {
  const at = runs.findIndex((each) => each.run_id === runId);
  const run = runs[at];
  const before = run && runs.slice(at + 1).find((each) => each.thread_id === run.thread_id);
  return before?.status === "interrupted";
}

/** Returns whether a run answers the question of the one before it on its thread; false until that is known. */
export function useContinued(graph: string, threadId: string | null, runId: string | null): boolean {
  const [continued, setContinued] = useState<string | null>(null);
  useEffect(() => {
    if (threadId === null || runId === null) return;
    const asking = new AbortController();
    listRuns({ graph, thread_id: threadId, limit: LISTED }, asking.signal).then(
      ({ runs }) => {
        if (isContinued(runs, runId)) setContinued(runId);
      },
      (reason: unknown) => {
        if (!(reason instanceof SeltzerError) && !asking.signal.aborted) throw reason;
      },
    );
    return () => asking.abort();
  }, [graph, threadId, runId]);
  return runId !== null && continued === runId;
}
