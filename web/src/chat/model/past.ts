/** Turns that are read again: which runs wrote those that are loaded, and a turn as its runs' logs have it. */
import type { TurnInfo, Writer } from "../../server/turns";
import { isOver, reduce, textField, type Entry, type Item } from "../../state";
import type { Pages } from "./pages";
import { EMPTY_TURN, runOf, withRun, type Turn } from "./turn";

/** What a turn was written by, the oldest first. */
export interface Written {
  readonly runs: readonly Writer[];
  /** Its state was updated by hand: what isn't there any more was removed. */
  readonly isEdited: boolean;
}

/** A run, and what it has emitted; null if that isn't kept. */
export interface Logged {
  readonly writer: Writer;
  readonly log: readonly Entry[] | null;
}

/** Returns by what the loaded turns were written, by their places; infos: the newest first. */
export function writtenBy(pages: Pages, infos: readonly TurnInfo[]): ReadonlyMap<string, Written> {
  const found = new Map<string, Written>();
  const oldestFirst = [...infos].reverse();
  const places = placesIn(pages, oldestFirst);
  oldestFirst.forEach(({ runs, is_edited: isEdited }, at) => {
    const place = places[at];
    if (!place) return;
    const before = found.get(place);
    found.set(place, {
      runs: [...(before?.runs ?? []), ...runs],
      isEdited: isEdited || (before?.isEdited ?? false),
    });
  });
  return found;
}

/**
 * Returns for each of the infos the place of the turn that is shown with what its runs have done.
 *
 * That is the last one which its runs have written: a node may add messages in a person's name.
 */
function placesIn({ messages }: Pages, infos: readonly TurnInfo[]): readonly (string | undefined)[] {
  if (messages.length === 0) return infos.map(({ runs }) => runs.at(-1)?.run_id);
  const questions: string[] = [];
  const turnOf = new Map<string, number>(); // a message's id -> the number of its turn
  for (const message of messages) {
    const id = textField(message, "id");
    if (message["type"] === "human") questions.push(id);
    turnOf.set(id, questions.length - 1);
  }
  const begun = infos.map((each) => Math.max(-1, ...each.message_ids.map((id) => turnOf.get(id) ?? -1)));
  return infos.map(({ is_edited: isEdited }, at) => {
    const own = begun[at] ?? -1;
    if (own < 0 || isEdited) return questions[own];
    const next = begun.slice(at + 1).find((each) => each > own) ?? questions.length;
    return questions[next - 1];
  });
}

/** Returns a stored turn as its runs' logs have it; null if none of them is kept. */
export function readTurn(
  stored: Turn,
  previous: Turn | undefined,
  logs: readonly Logged[],
  isEdited: boolean,
): Turn | null {
  let turn: Turn = { ...EMPTY_TURN, key: stored.key, question: stored.question };
  let isEnd = false; // whether the newest run has been read to its end
  for (const { writer, log } of logs) {
    isEnd = false;
    if (log === null) continue;
    const run = log.reduce((before, { event, at }) => reduce(before, event, at), runOf(turn, previous));
    turn = withRun(turn, run);
    if (!writer.is_whole) turn = { ...turn, items: upToStored(turn.items, stored.items) };
    isEnd = isOver(run) && writer.is_whole;
  }
  if (logs.every(({ log }) => log === null)) return null;
  if (isEdited) turn = { ...turn, items: turn.items.filter((each) => isKept(each, stored.items)) };
  const ended: Partial<Turn> = isEnd ? {} : { ending: "finished", failure: null, interrupts: [] };
  return { ...turn, ...ended, detail: "all" };
}

/** Returns the items up to the last one that is stored: those after it are on another branch. */
function upToStored(items: readonly Item[], stored: readonly Item[]): readonly Item[] {
  return items.slice(0, items.findLastIndex((each) => isStored(each, stored)) + 1);
}

/** Whether an item is in the state, or never was: what a graph within the graph has written, and steps. */
function isKept(item: Item, stored: readonly Item[]): boolean {
  return item.type !== "message" || item.namespace.length > 0 || isStored(item, stored);
}

function isStored(item: Item, stored: readonly Item[]): boolean {
  if (item.type !== "message") return false;
  const text = item.text.trim();
  return stored.some(
    (each) => each.type === "message" && (each.id === item.id || (text !== "" && each.text.trim() === text)),
  );
}
