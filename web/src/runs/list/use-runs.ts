import { SeltzerError } from "@seltzer/client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { listRuns, type RunSummary } from "../../server/runs";
import { isActive, joined, refreshed, type Filter } from "../model/list";
import { usePoll } from "../use-poll";

const PAGE = 50;
const MOST = 100; // that the server lists at once
const ACTIVE_MS = 2_000;
const QUIET_MS = 15_000; // what other processes do is seen by asking alone

export interface RunList {
  readonly runs: readonly RunSummary[];
  readonly isLoaded: boolean;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  readonly error: SeltzerError | null;
  readonly loadMore: () => void;
  readonly refresh: () => void;
}

interface Known {
  readonly runs: readonly RunSummary[];
  readonly cursor: string | null;
  readonly isLoaded: boolean;
  readonly error: SeltzerError | null;
}

const NOTHING: Known = { runs: [], cursor: null, isLoaded: false, error: null };

/** Returns the runs that the filter lets through; moves: changes whenever the server has done something. */
export function useRuns(filter: Filter, moves: number): RunList {
  const { graph, status, thread } = filter;
  const query = { graph, status, thread_id: thread };
  const key = JSON.stringify(query);
  const [known, setKnown] = useState(NOTHING);
  const [isLoadingMore, setLoadingMore] = useState(false);
  const asked = useRef({ key, known });
  const order = useRef({ asked: 0, shown: 0 });
  asked.current = { key, known };

  const load = useCallback(
    async (signal?: AbortSignal) => {
      const shown = asked.current.known.runs.length;
      const turn = ++order.current.asked;
      try {
        const limit = Math.min(MOST, Math.max(PAGE, shown));
        const page = await listRuns({ ...query, limit }, signal);
        if (asked.current.key !== key || turn < order.current.shown) return; // an answer that was overtaken
        order.current.shown = turn;
        setKnown((before) => renewed(before, page.runs, page.next_cursor));
      } catch (error) {
        if (signal?.aborted) return;
        if (!(error instanceof SeltzerError)) throw error;
        if (asked.current.key === key) setKnown((before) => ({ ...before, error }));
      }
    },
    [key],
  );

  useEffect(() => {
    setKnown(NOTHING);
    asked.current.known = NOTHING;
    void load();
  }, [load]);
  useEffect(() => {
    if (moves > 1) void load();
  }, [moves]);
  usePoll(load, known.runs.some((each) => isActive(each.status)) ? ACTIVE_MS : QUIET_MS);

  const loadMore = () => {
    if (known.cursor === null || isLoadingMore) return;
    setLoadingMore(true);
    listRuns({ ...query, limit: PAGE, cursor: known.cursor })
      .then((page) => {
        if (asked.current.key !== key) return;
        setKnown((before) => ({ ...before, runs: joined(before.runs, page.runs), cursor: page.next_cursor }));
      })
      .catch((error: unknown) => {
        if (!(error instanceof SeltzerError)) throw error;
        setKnown((before) => ({ ...before, error }));
      })
      .finally(() => setLoadingMore(false));
  };
  return { ...known, hasMore: known.cursor !== null, isLoadingMore, loadMore, refresh: () => void load() };
}

/** Returns what is known once the newest runs were listed again. */
function renewed(before: Known, page: readonly RunSummary[], cursor: string | null): Known {
  const runs = refreshed(before.runs, page, cursor === null);
  const isLonger = runs.length > page.length;
  return { runs, cursor: isLonger ? before.cursor : cursor, isLoaded: true, error: null };
}
