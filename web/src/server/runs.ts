/** Runs as an operator sees them: their list, their logs, and what the server's process does now. */
import { path, type Interrupt, type RunInfo, type RunStatus, type Usage } from "@seltzer/client";
import { client } from "./client";
import { queryOf } from "./query";

/** A run in the list. */
export interface RunSummary {
  readonly run_id: string;
  readonly graph: string;
  readonly thread_id: string;
  readonly status: RunStatus;
  readonly attempt: number;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly duration_ms: number | null;
  readonly first_token_ms: number | null;
  /** How many pieces of text it has emitted. */
  readonly tokens: number | null;
  readonly usage: Usage | null;
  /** The code of its error. */
  readonly error: string | null;
}

export interface RunPage {
  readonly runs: readonly RunSummary[];
  readonly next_cursor: string | null;
}

export interface RunQuery {
  readonly graph?: string | null;
  /** One or more, separated by commas. */
  readonly status?: string | null;
  readonly thread_id?: string | null;
  readonly limit?: number;
  readonly cursor?: string | null;
}

/** As much of a state's values as the server shows. */
export interface ShownState {
  readonly values: unknown;
  /** By key, how many items are left out at the beginning of its list; null: the value isn't shown. */
  readonly omitted?: Readonly<Record<string, number | null>> | undefined;
}

/** The counters of the process that has answered. */
export interface Live {
  readonly runs: { readonly running: number; readonly pending: number };
  readonly streams: number;
  /** The pieces of text since its start. */
  readonly tokens: number;
  readonly started_at: string;
  readonly now: string;
}

/** A stored event. at: milliseconds after the run was created; null of one whose time wasn't kept. */
export interface LoggedEvent {
  readonly id: string;
  readonly attempt: number;
  readonly seq: number;
  readonly kind: string;
  readonly at: number | null;
  readonly data: unknown;
}

export interface LogPage {
  readonly run_id: string;
  readonly created_at: string;
  readonly events: readonly LoggedEvent[];
  readonly next_after: string | null;
}

/** Lists runs of all graphs, the newest first. Throws SeltzerError. */
export function listRuns(query: RunQuery, signal?: AbortSignal): Promise<RunPage> {
  return client.request("GET", "/runs" + queryOf({ ...query }), signal ? { signal } : {});
}

export function getLive(signal?: AbortSignal): Promise<Live> {
  return client.request("GET", "/info/live", signal ? { signal } : {});
}

export function getRun(graph: string, runId: string, signal?: AbortSignal): Promise<RunInfo> {
  return client.run(graph, runId, signal ? { signal } : {});
}

/** Finds a run among those of its thread; null if it isn't listed. */
export async function findRun(
  graph: string,
  threadId: string,
  runId: string,
  signal?: AbortSignal,
): Promise<RunSummary | null> {
  let cursor: string | null = null;
  do {
    const page: RunPage = await listRuns({ graph, thread_id: threadId, limit: 100, cursor }, signal);
    const found = page.runs.find((each) => each.run_id === runId);
    if (found) return found;
    cursor = page.next_cursor;
  } while (cursor !== null);
  return null;
}

/** Reads a page of a run's stored events. graph: the path of its routes. Throws SeltzerError: `stream_gap`. */
export function getLog(
  graph: string,
  runId: string,
  after: string | null,
  signal: AbortSignal,
): Promise<LogPage> {
  const query = queryOf({ after, limit: LOG_PAGE });
  return client.request("GET", path(graph, "runs", runId, "log") + query, { signal });
}

const LOG_PAGE = 10_000;

/** A state of a thread's history. */
export interface StoredState extends ShownState {
  readonly checkpoint_id: string;
  readonly parent_checkpoint_id: string | null;
  readonly created_at: string | null;
  readonly run_id: string | null;
  readonly source: string;
  readonly step: number;
  readonly next: readonly string[];
  readonly interrupts: readonly Interrupt[];
}

export interface StatePage {
  readonly checkpoints: readonly StoredState[];
  readonly next_before: string | null;
}

/** Lists a thread's states, the newest first; without their values, many at once. Throws SeltzerError. */
export function listStates(
  graph: string,
  threadId: string,
  query: { before: string | null; limit: number; select?: string },
  signal: AbortSignal,
): Promise<StatePage> {
  return client.request("GET", path(graph, "threads", threadId, "history") + queryOf(query), { signal });
}
