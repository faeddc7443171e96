import { isLast, SeltzerError } from "@seltzer/client";
import { useEffect, useState } from "preact/hooks";
import { client } from "../server/client";
import { QUEUED, Timeline, type Run } from "../state";

/** Returns a run as it is, at most once a frame; of no run, one that nothing is known of. */
export function useRun(graph: string, runId: string | null): [Run, SeltzerError | null] {
  const [run, setRun] = useState<Run>(QUEUED);
  const [error, setError] = useState<SeltzerError | null>(null);
  useEffect(() => {
    setRun(QUEUED);
    setError(null);
    if (runId === null) return;
    const reading = new AbortController();
    const timeline = new Timeline();
    let frame = 0;
    const show = () => {
      frame = 0;
      setRun(timeline.run);
    };
    const read = async () => {
      for await (const event of client.follow(graph, runId, { signal: reading.signal })) {
        timeline.add(event, Date.now());
        frame ||= requestAnimationFrame(show);
        if (isLast(event)) break;
      }
    };
    read().catch((reason: unknown) => {
      if (reading.signal.aborted) return;
      if (!(reason instanceof SeltzerError)) throw reason;
      setError(reason);
    });
    return () => {
      cancelAnimationFrame(frame);
      reading.abort();
    };
  }, [graph, runId]);
  return [run, error];
}
