/** The messages of a thread that are loaded, by pages from the end, and the turns that are shown of them. */
import type { Thread } from "../../server/threads";
import { UNWRITTEN, messagesIn, turnsOf, type Ended, type Item, type JsonObject } from "../../state";
import { EMPTY_TURN, completed, placeOf, storedTurn, type Turn } from "./turn";

export interface Pages {
  readonly checkpointId: string | null;
  readonly messages: readonly JsonObject[];
  /** How many messages come before these. */
  readonly omitted: number;
  /** The state's values; of its messages, the last ones. */
  readonly values: unknown;
  /** How the newest turn has ended. */
  readonly ended: Ended | undefined;
  /** Of a state without messages, which has the newest result alone: the turns before it, by their runs. */
  readonly earlier: readonly Turn[];
}

/** Returns a thread's last messages; ended: how its newest turn has, if that is known. */
export function firstPage(thread: Thread, ended?: Ended): Pages {
  return {
    checkpointId: thread.checkpoint_id,
    messages: messagesIn(thread.values),
    omitted: omittedOf(thread),
    values: thread.values,
    ended,
    earlier: [],
  };
}

/** Returns the pages with an earlier one in front. */
export function laterPage(pages: Pages, thread: Thread): Pages {
  return {
    ...pages,
    messages: [...messagesIn(thread.values), ...pages.messages],
    omitted: omittedOf(thread),
  };
}

/** Returns the pages with what was loaded before, if this is the same thread some messages later. */
export function continued(pages: Pages, before: Pages | null): Pages {
  const first = pages.messages[0];
  if (before === null || first === undefined || pages.omitted <= before.omitted) return pages;
  const at = before.messages.findIndex((each) => each["id"] === first["id"]);
  if (at !== pages.omitted - before.omitted) return pages;
  return {
    ...pages,
    messages: [...before.messages.slice(0, at), ...pages.messages],
    omitted: before.omitted,
  };
}

/** Returns the turns of the thread, as it has them. */
export function storedTurns({ messages, values, ended }: Pages): readonly Turn[] {
  const structured = isStructured(values) ? values.structured_response : null;
  return turnsOf({ messages, structured_response: structured }, ended).map(storedTurn);
}

/**
 * Returns the turns: those of the messages, with what was seen of the runs that wrote them.
 *
 * past: turns that were read from the logs of their runs, by their places.
 */
export function overlaid(
  pages: Pages,
  seen: readonly Turn[],
  past: ReadonlyMap<string, Turn> = new Map(),
): readonly Turn[] {
  if (pages.messages.length === 0) return valuesTurns(pages, seen).map((turn) => withPast(turn, past));
  const own = new Map(seen.map((turn) => [turn.question?.id ?? "", turn]));
  const stored = storedTurns(pages);
  const shown = stored.map((turn) => {
    const followed = own.get(turn.question?.id ?? "");
    const found = followed ? withPast(followed, past) : past.get(placeOf(turn));
    return found ? completed(found, turn) : turn;
  });
  return withoutOthers(shown, stored);
}

/** Returns a turn with what was read of it, unless it has as much already. How it has ended is its own. */
function withPast(turn: Turn, past: ReadonlyMap<string, Turn>): Turn {
  const read = past.get(placeOf(turn));
  if (read === undefined || turn.detail === "all") return turn;
  if (turn.detail === "some" && read.runId !== turn.runId) return turn;
  const { items, usage, durationMs, attempt, detail } = read;
  return { ...turn, items, usage, durationMs, attempt, detail };
}

/** Returns the turns of a state without messages: its values are the newest one's result. */
function valuesTurns({ values, earlier }: Pages, seen: readonly Turn[]): readonly Turn[] {
  const own = new Set(seen.map((turn) => turn.runId));
  const before = earlier.filter((turn) => !own.has(turn.runId));
  if (seen.length > 0) return [...before, ...seen];
  const isEmpty = typeof values !== "object" || values === null || Object.keys(values).length === 0;
  return isEmpty ? before : [...before, { ...EMPTY_TURN, key: "values", output: values }];
}

/** Returns the turns without what others of them have in the thread: a run's messages may be those of several. */
function withoutOthers(turns: readonly Turn[], stored: readonly Turn[]): readonly Turn[] {
  const places = new Map<string, number>();
  stored.forEach(({ items }, at) => {
    for (const id of items.flatMap(idsOf)) places.set(id, at);
  });
  return turns.map((turn, at) => {
    if (turn.items === stored[at]?.items) return turn;
    const items = turn.items.filter((item) => idsOf(item).every((id) => (places.get(id) ?? at) === at));
    return items.length < turn.items.length ? { ...turn, items } : turn;
  });
}

/** Returns by which ids an item is found in other turns; none of what a thread can't identify. */
function idsOf(item: Item): readonly string[] {
  if (item.type === "tool") return [item.call.id];
  if (item.type !== "message") return [];
  const calls = item.calls.map(({ id }) => id);
  return item.id === UNWRITTEN || item.id.startsWith("#") ? calls : [item.id, ...calls];
}

function isStructured(values: unknown): values is { structured_response: unknown } {
  return typeof values === "object" && values !== null && "structured_response" in values;
}

const omittedOf = (thread: Thread): number =>
  thread.omitted?.["messages"] ?? thread.omitted?.["__root__"] ?? 0;
