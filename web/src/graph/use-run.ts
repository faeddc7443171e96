import { SeltzerError } from "@seltzer/client";
import { useEffect, useState } from "preact/hooks";
import { QUEUED, type Run } from "../state";
import { readRun } from "./runs";

const PAUSE_MS = 80;

/** Returns a run as it is, a dozen times a second at most; of no run, one that nothing is known of. */
export function useRun(graph: string, runId: string | null): [Run, SeltzerError | null] {
  const [run, setRun] = useState<Run>(QUEUED);
  const [error, setError] = useState<SeltzerError | null>(null);
  useEffect(() => {
    setRun(QUEUED);
    setError(null);
    if (runId === null) return;
    const reading = new AbortController();
    let [waiting, newest] = [0, QUEUED];
    const show = () => {
      waiting = 0;
      setRun(newest);
    };
    const changed = (next: Run) => {
      newest = next;
      waiting ||= window.setTimeout(show, PAUSE_MS);
    };
    readRun(graph, runId, (timeline) => changed(timeline.run), reading.signal).catch((reason: unknown) => {
      if (reading.signal.aborted) return;
      if (!(reason instanceof SeltzerError)) throw reason;
      setError(reason);
    });
    return () => {
      clearTimeout(waiting);
      reading.abort();
    };
  }, [graph, runId]);
  return [run, error];
}
