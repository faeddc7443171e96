import { useEffect, useRef } from "preact/hooks";
import { connection } from "../server/client";

/**
 * Calls `ask` now and then again and again, everyMs after it is done: while the page is visible and the server
 * can be reached, and at once when it is so again. ask gets a signal that aborts when its answer isn't wanted.
 */
export function usePoll(ask: (signal: AbortSignal) => Promise<unknown>, everyMs: number): void {
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    const stopped = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAsking = false;
    const mayAsk = () => !document.hidden && connection.now === "reached" && !stopped.signal.aborted;
    const next = async () => {
      clearTimeout(timer);
      if (isAsking || !mayAsk()) return;
      isAsking = true;
      await latest.current(stopped.signal);
      isAsking = false;
      if (mayAsk()) timer = setTimeout(() => void next(), everyMs);
    };
    const again = () => void next();
    document.addEventListener("visibilitychange", again);
    const unwatch = connection.watch(again);
    again();
    return () => {
      stopped.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", again);
      unwatch();
    };
  }, [everyMs]);
}
