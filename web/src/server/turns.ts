/** A thread's turns with the runs that wrote them, and what these runs have emitted. client: the server's. */
import { path, type Client } from "@seltzer/client";
import type { Entry } from "../state";
import { queryOf } from "./query";
import type { LogPage } from "./runs";

/** A run that has written a turn. is_whole: all of its steps are on this branch. */
export interface Writer {
  readonly run_id: string;
  readonly is_whole: boolean;
}

/** A turn: what came of one input. */
export interface TurnInfo {
  readonly checkpoint_id: string;
  readonly message_ids: readonly string[];
  /** What the input has besides messages. */
  readonly input: unknown;
  readonly is_input_omitted: boolean;
  /** The oldest first. */
  readonly runs: readonly Writer[];
  /** Its state was updated by hand. */
  readonly is_edited: boolean;
}

export interface TurnPage {
  readonly turns: readonly TurnInfo[];
  readonly next_before: string | null;
}

const LOG_LIMIT = 10_000;
const LOG_PAGES = 4; // of a megabyte each

/** Lists the turns of a thread's newest branch, the newest first. */
export function getTurns(
  client: Client,
  graph: string,
  threadId: string,
  before: string | null = null,
): Promise<TurnPage> {
  return client.request("GET", path(graph, "threads", threadId, "turns") + queryOf({ before }));
}

/**
 * Reads what a run has emitted, its pieces joined; null if that is very long.
 *
 * Throws SeltzerError: `stream_gap` if it isn't kept any more.
 */
export async function getWholeLog(
  client: Client,
  graph: string,
  runId: string,
): Promise<readonly Entry[] | null> {
  const entries: Entry[] = [];
  let after: string | null = null;
  for (let page = 0; page < LOG_PAGES; page++) {
    const query = queryOf({ after, limit: LOG_LIMIT, joined: "true" });
    const log: LogPage = await client.request("GET", path(graph, "runs", runId, "log") + query);
    const createdAt = Date.parse(log.created_at);
    for (const { at, ...event } of log.events) {
      entries.push({ event, at: at === null ? null : createdAt + at });
    }
    if (log.next_after === null) return entries;
    after = log.next_after;
  }
  return null;
}
