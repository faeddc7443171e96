import { SeltzerError, ServerError, ServerUnreachable } from "@seltzer/client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { openTabs } from "../chat/tabs";
import { deleteThread, listThreads, renameThread, type ThreadInfo } from "../server/threads";
import { useServer } from "../server/server";
import { navigate } from "../shell/use-route";
import { routeOf } from "../shell/route";

const PAGE = 30;
const TYPING_MS = 200;
const UNDO_MS = 6_000;

/** The threads of a graph whose titles have the query, and what can be done with them. */
export function useThreads(graph: string, query: string) {
  const server = useServer();
  const { client } = server;
  const [list, setList] = useState<readonly ThreadInfo[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [isLoaded, setLoaded] = useState(false);
  const [unread, setUnread] = useState<SeltzerError | null>(null);
  const [refused, setRefused] = useState<SeltzerError | null>(null);
  const [deleted, setDeleted] = useState<ThreadInfo | null>(null);
  const asked = useRef<AbortController | null>(null);
  const deleting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const load = useCallback(
    async (from: string | null = null) => {
      asked.current?.abort();
      const { signal } = (asked.current = new AbortController());
      try {
        const page = await listThreads(
          client,
          graph,
          { ...(query ? { q: query } : {}), limit: PAGE, cursor: from },
          signal,
        );
        setList((before) => (from === null ? page.threads : [...before, ...page.threads]));
        setCursor(page.next_cursor);
        setLoaded(true);
        setUnread(null);
      } catch (reason) {
        if (!signal.aborted) setUnread(errorOf(reason));
      }
    },
    [graph, query],
  );

  useEffect(() => {
    const timer = setTimeout(() => void load(), query === "" ? 0 : TYPING_MS);
    return () => clearTimeout(timer);
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

  const refuse = (reason: unknown) => {
    setRefused(errorOf(reason));
    void load();
  };
  const rename = (thread: ThreadInfo, title: string) => {
    setRefused(null);
    setList((before) =>
      before.map((each) => (each.thread_id === thread.thread_id ? { ...each, title } : each)),
    );
    renameThread(client, graph, thread.thread_id, title).catch(refuse);
  };
  /** Deletes a thread a moment later, so that it can be taken back; leaving the page, or its tab, deletes it at once. */
  const remove = (thread: ThreadInfo) => {
    finish();
    setRefused(null);
    setDeleted(thread);
    const route = routeOf(location.hash);
    if (route.id === thread.thread_id) navigate({ ...route, id: null });
    deleting.current = setTimeout(finish, UNDO_MS);
  };
  const pending = useRef<ThreadInfo | null>(null);
  pending.current = deleted;
  const finish = () => {
    clearTimeout(deleting.current);
    const thread = pending.current;
    if (thread === null) return;
    pending.current = null;
    setDeleted(null);
    setList((before) => before.filter((each) => each.thread_id !== thread.thread_id));
    deleteThread(client, graph, thread.thread_id).catch((reason: unknown) => {
      if (!(reason instanceof ServerError && reason.code === "unknown_thread")) refuse(reason); // else it is gone
    });
  };
  const undo = () => {
    clearTimeout(deleting.current);
    const thread = deleted;
    setDeleted(null);
    if (thread) {
      const route = routeOf(location.hash);
      if (route.id === null) navigate({ ...route, id: thread.thread_id });
    }
  };
  useEffect(() => {
    // A hidden page may end without another event: on a phone it is the last one there is.
    const hidden = () => {
      if (document.hidden) finish();
    };
    addEventListener("pagehide", finish);
    document.addEventListener("visibilitychange", hidden);
    return () => {
      removeEventListener("pagehide", finish);
      document.removeEventListener("visibilitychange", hidden);
      finish();
    };
  }, [graph]);

  return {
    list: list.filter((each) => each.thread_id !== deleted?.thread_id),
    hasMore: cursor !== null,
    isLoaded,
    deleted,
    /** What the server has refused last, or why the list isn't there. */
    problem: refused ?? unread,
    loadMore: () => void load(cursor),
    rename,
    remove,
    undo,
  };
}

/** Returns a server's refusal; null of one that doesn't answer, which the page itself reports. */
function errorOf(reason: unknown): SeltzerError | null {
  if (!(reason instanceof SeltzerError)) throw reason;
  return reason instanceof ServerUnreachable ? null : reason;
}
