import { ServerError, type SeltzerError } from "@seltzer/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { deleteThread, renameThread, type ThreadInfo } from "../server/threads";
import { useServer } from "../server/server";
import { navigate } from "../shell/use-route";
import { routeOf } from "../shell/route";
import { errorOf, useThreadList } from "./use-thread-list";

const UNDO_MS = 6_000;

/** The threads of a graph whose titles have the query, and what can be done with them. */
export function useThreads(graph: string, query: string) {
  const { client } = useServer();
  const listed = useThreadList(graph, query);
  const [refused, setRefused] = useState<SeltzerError | null>(null);
  const [deleted, setDeleted] = useState<ThreadInfo | null>(null);
  // What the server may not have done yet when it answers with a list.
  const [names, setNames] = useState<ReadonlyMap<string, string>>(new Map());
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const deleting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const refuse = (reason: unknown) => {
    setRefused(errorOf(reason));
    listed.refresh();
  };
  const rename = ({ thread_id: id }: ThreadInfo, title: string) => {
    setRefused(null);
    setNames((before) => new Map(before).set(id, title));
    const renamed = () => {
      listed.setTitle(id, title);
      listed.refresh(); // one that was asked for before may have the name of before
    };
    renameThread(client, graph, id, title)
      .then(renamed, refuse)
      .finally(() => setNames((before) => without(before, id, title)));
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
    const id = pending.current?.thread_id;
    if (id === undefined) return;
    pending.current = null;
    setDeleted(null);
    setGone((before) => new Set(before).add(id));
    deleteThread(client, graph, id).catch((reason: unknown) => {
      if (reason instanceof ServerError && reason.code === "unknown_thread") return; // it is gone
      setGone((before) => new Set([...before].filter((each) => each !== id)));
      refuse(reason);
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
    list: listed.list
      .filter(({ thread_id: id }) => id !== deleted?.thread_id && !gone.has(id))
      .map((each) => ({ ...each, title: names.get(each.thread_id) ?? each.title })),
    hasMore: listed.hasMore,
    isLoaded: listed.isLoaded,
    deleted,
    /** What the server has refused last, or why the list isn't there. */
    problem: refused ?? listed.error,
    loadMore: listed.loadMore,
    rename,
    remove,
    undo,
  };
}

/** Returns the names without that of a thread, unless it has been given another one since. */
function without(names: ReadonlyMap<string, string>, id: string, title: string): ReadonlyMap<string, string> {
  return new Map([...names].filter(([each, name]) => each !== id || name !== title));
}
