/** A graph's threads: what was said in them, and what runs there. client: the server's. */
import { path, type Client, type Interrupt } from "@seltzer/client";
import { queryOf } from "./query";

export interface ThreadInfo {
  readonly thread_id: string;
  readonly graph: string;
  readonly title: string;
  readonly status: "idle" | "busy" | "interrupted" | "error";
  readonly created_at: string;
  readonly updated_at: string;
  /** The newest run. */
  readonly run_id: string | null;
}

/** A thread with its state. */
export interface Thread extends ThreadInfo {
  readonly checkpoint_id: string | null;
  readonly values: unknown;
  readonly next: readonly string[];
  readonly interrupts: readonly Interrupt[];
  /** How many items are left out at the beginning of each list. */
  readonly omitted?: Readonly<Record<string, number>>;
}

export interface ThreadPage {
  readonly threads: readonly ThreadInfo[];
  readonly next_cursor: string | null;
}

export interface Branch {
  readonly checkpoint_id: string;
  readonly forked_from: string | null;
  readonly run_id: string | null;
  readonly text: string;
  readonly is_newest: boolean;
}

/** A state of a thread's history, without its values. */
export interface Checkpoint {
  readonly checkpoint_id: string;
  readonly run_id: string | null;
  readonly source: string;
}

export interface StateQuery {
  readonly checkpoint_id?: string;
  /** How many items of each list: the last ones. */
  readonly limit?: number;
  readonly key?: string;
  readonly before?: number;
}

/** Asks for a thread with its state. Throws SeltzerError: `unknown_thread`. */
export function getThread(
  client: Client,
  graph: string,
  threadId: string,
  query: StateQuery = {},
): Promise<Thread> {
  return client.request("GET", path(graph, "threads", threadId) + queryOf({ ...query }));
}

/** Lists threads, the newest first. */
export function listThreads(
  client: Client,
  graph: string,
  query: { q?: string; limit?: number; cursor?: string | null },
  signal?: AbortSignal,
): Promise<ThreadPage> {
  return client.request("GET", path(graph, "threads") + queryOf(query), signal ? { signal } : {});
}

export function renameThread(
  client: Client,
  graph: string,
  threadId: string,
  title: string,
): Promise<ThreadInfo> {
  return client.request("PATCH", path(graph, "threads", threadId), { body: { title } });
}

export function deleteThread(client: Client, graph: string, threadId: string): Promise<void> {
  return client.request("DELETE", path(graph, "threads", threadId));
}

/** Returns a thread's branches, the newest first. */
export async function getBranches(
  client: Client,
  graph: string,
  threadId: string,
): Promise<readonly Branch[]> {
  const found = await client.request<{ branches: readonly Branch[] }>(
    "GET",
    path(graph, "threads", threadId, "branches"),
  );
  return found.branches;
}

/** Returns a thread's newest states, the newest first. */
export async function getCheckpoints(
  client: Client,
  graph: string,
  threadId: string,
): Promise<readonly Checkpoint[]> {
  const query = queryOf({ limit: 100, select: "checkpoint_id,run_id,source" });
  const found = await client.request<{ checkpoints: readonly Checkpoint[] }>(
    "GET",
    path(graph, "threads", threadId, "history") + query,
  );
  return found.checkpoints;
}

/** Updates a thread's state, as if a node had returned the values; its newest state is the one that was made. */
export function updateState(
  client: Client,
  graph: string,
  threadId: string,
  body: { readonly values: unknown; readonly checkpoint_id: string; readonly as_node?: string },
  signal: AbortSignal,
): Promise<Thread> {
  const target = path(graph, "threads", threadId, "state");
  return client.request("POST", target, { body, retry: true, signal });
}

/** Makes a state the newest one again: the thread continues there. */
export function restoreState(
  client: Client,
  graph: string,
  threadId: string,
  checkpointId: string,
  signal: AbortSignal,
): Promise<Thread> {
  return client.request("POST", path(graph, "threads", threadId, "state"), {
    body: { as_node: "__copy__", checkpoint_id: checkpointId },
    retry: true,
    signal,
  });
}

/** Ends the turn of a run that waits for an answer, without one. */
export function withdrawQuestion(
  client: Client,
  graph: string,
  runId: string,
  signal: AbortSignal,
): Promise<unknown> {
  return client.request("POST", path(graph, "runs", runId, "withdraw"), { retry: true, signal });
}
