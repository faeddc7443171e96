import { SeltzerError } from "@seltzer/client";
import { useEffect, useState } from "preact/hooks";
import { listRuns, type RunSummary } from "../server/runs";

const LISTED = 30;
const POLL_MS = 3_000;

/** Returns the newest runs of a graph, which is named, asked for again and again while the page is seen; null before the first answer. */
export function useRuns(graph: string): readonly RunSummary[] | null {
  const [runs, setRuns] = useState<readonly RunSummary[] | null>(null);
  useEffect(() => {
    let isGone = false;
    let [asked, shown] = [0, 0];
    const ask = () => {
      if (document.hidden) return;
      const turn = ++asked;
      listRuns({ graph, limit: LISTED }).then(
        ({ runs: found }) => {
          if (isGone || turn < shown) return; // an answer that was overtaken
          shown = turn;
          setRuns(found);
        },
        (reason: unknown) => {
          if (!(reason instanceof SeltzerError)) throw reason;
          if (!isGone) setRuns((before) => before ?? []);
        },
      );
    };
    ask();
    const polling = setInterval(ask, POLL_MS);
    document.addEventListener("visibilitychange", ask);
    return () => {
      isGone = true;
      clearInterval(polling);
      document.removeEventListener("visibilitychange", ask);
    };
  }, [graph]);
  return runs;
}
