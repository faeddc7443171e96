/** A run as its events come. */
import { isLast } from "@seltzer/client";
import { client } from "../server/client";
import { getLog } from "../server/runs";
import { Timeline, type AnyEvent } from "../state";

/**
 * Reads a run into a time line, until its end: what is stored with its times, then what comes as it comes.
 *
 * When a run that was followed has ended, it is read again, as its server's times are the true ones. changed is called
 * whenever there is more in the time line, or another one. Throws SeltzerError.
 */
export async function readRun(
  graph: string,
  runId: string,
  changed: (timeline: Timeline) => void,
  signal: AbortSignal,
): Promise<void> {
  const timeline = await readLog(graph, runId, signal);
  changed(timeline);
  if (hasEnded(timeline)) return;
  const after = timeline.run.cursor;
  for await (const event of client.follow(graph, runId, { signal, ...(after && { after }) })) {
    timeline.add(event as AnyEvent, Date.now());
    changed(timeline);
  }
  const stored = await readLog(graph, runId, signal);
  if (hasEnded(stored)) changed(stored);
}

async function readLog(graph: string, runId: string, signal: AbortSignal): Promise<Timeline> {
  const timeline = new Timeline();
  let after: string | null = null;
  do {
    const log = await getLog(graph, runId, after, signal);
    const begun = Date.parse(log.created_at);
    for (const { at, ...event } of log.events) timeline.add(event, at === null ? null : begun + at);
    after = log.next_after;
  } while (after !== null);
  return timeline;
}

function hasEnded(timeline: Timeline): boolean {
  const last = timeline.entries.at(-1)?.event;
  return last !== undefined && isLast(last);
}
