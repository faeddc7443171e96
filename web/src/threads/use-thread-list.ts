import { SeltzerError, ServerUnreachable } from "@seltzer/client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { openTabs } from "../chat/tabs";
import { listThreads, type ThreadInfo } from "../server/threads";
import { useServer } from "../server/server";

const PAGE = 30;
const TYPING_MS = 200;

export interface ThreadPages {
  readonly list: readonly ThreadInfo[];
  readonly hasMore: boolean;
  readonly isLoaded: boolean;
  /** Why the list isn't there. */
  readonly error: SeltzerError | null;
  /** Asks for the threads of the graph and the query that are shown when it is called. */
  refresh(): void;
  loadMore(): void;
  setTitle(threadId: string, title: string): void;
}

/** Returns the threads of a graph whose titles have the query, as the server lists them. */
export function useThreadList(graph: string, query: string): ThreadPages {
  const server = useServer();
  const { client } = server;
  const [list, setList] = useState<readonly ThreadInfo[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [isLoaded, setLoaded] = useState(false);
  const [error, setError] = useState<SeltzerError | null>(null);
  const asked = useRef<AbortController | null>(null);

  const load = useCallback(
    async (from: string | null = null) => {
      asked.current?.abort();
      const { signal } = (asked.current = new AbortController());
      const wanted = { ...(query ? { q: query } : {}), limit: PAGE, cursor: from };
      try {
        const page = await listThreads(client, graph, wanted, signal);
        setList((before) => (from === null ? page.threads : [...before, ...page.threads]));
        setCursor(page.next_cursor);
        setLoaded(true);
        setError(null);
      } catch (reason) {
        if (!signal.aborted) setError(errorOf(reason));
      }
    },
    [graph, query],
  );
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    const timer = setTimeout(() => void load(), query === "" ? 0 : TYPING_MS);
    return () => {
      clearTimeout(timer);
      asked.current?.abort();
    };
  }, [load]);
  useEffect(() => {
    setList([]);
    setCursor(null);
    setLoaded(false);
  }, [graph]);
  useEffect(() => {
    const tabs = openTabs(server, graph);
    const refresh = () => void load();
    const unwatch = server.connection.watch((reach) => {
      if (reach === "reached") void load();
    });
    tabs.watch(refresh);
    addEventListener("focus", refresh);
    return () => {
      tabs.close();
      unwatch();
      removeEventListener("focus", refresh);
    };
  }, [load]);

  return {
    list,
    hasMore: cursor !== null,
    isLoaded,
    error,
    refresh: () => void latest.current(),
    loadMore: () => void load(cursor),
    setTitle: (id, title) =>
      setList((before) => before.map((each) => (each.thread_id === id ? { ...each, title } : each))),
  };
}

/** Returns a server's refusal; null of one that doesn't answer, which the page itself reports. */
export function errorOf(reason: unknown): SeltzerError | null {
  if (!(reason instanceof SeltzerError)) throw reason;
  return reason instanceof ServerUnreachable ? null : reason;
}
