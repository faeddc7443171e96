/** What was seen of a turn's runs, and what its thread has stored of it -> one list of items. */
import { keyOf, type AiMessage, type Item, type ToolCall } from "./items";
import { parsed } from "./json";

/**
 * Returns a turn's stored items, completed by what its runs have shown: steps, times and places.
 *
 * The thread's texts and their order count. What only the runs have shown stays after what came before it.
 */
export function merged(stored: readonly Item[], seen: readonly Item[]): readonly Item[] {
  if (stored.length === 0) return seen;
  const own = paired(stored, seen);
  const followers = new Map<Item | null, Item[]>([[null, []]]);
  const hasAnswer = stored.some((each) => each.type === "message" && each.channel === "answer");
  const called = new Set(
    stored.flatMap((each) => (each.type === "message" ? each.calls.map(({ id }) => id) : [])),
  );
  let before: Item | null = null; // the stored item that the ones seen come after
  for (const item of seen) {
    const same = own.get(item);
    if (item.type === "tool" && called.has(item.call.id)) continue; // the message that has called it wasn't seen
    if (same) followers.set((before = same), []);
    else followers.get(before)?.push(hasAnswer ? asStep(item) : item);
  }
  const seenOf = new Map([...own].map(([item, same]) => [same, item]));
  return [
    ...(followers.get(null) ?? []),
    ...stored.flatMap((item) => [completed(item, seenOf.get(item)), ...(followers.get(item) ?? [])]),
  ];
}

/** Pairs what was seen with what is stored: by its id, or by its text where a node has given that a new id. */
function paired(stored: readonly Item[], seen: readonly Item[]): ReadonlyMap<Item, Item> {
  const byKey = new Map(stored.map((each) => [keyOf(each), each]));
  const pairs = new Map<Item, Item>();
  for (const item of seen) {
    const same = byKey.get(keyOf(item));
    if (same) pairs.set(item, same);
  }
  const left = new Set<Item>(stored);
  for (const each of pairs.values()) left.delete(each);
  for (const item of seen) {
    if (pairs.has(item) || item.type !== "message" || !item.text.trim()) continue;
    const same = [...left].find((each) => each.type === "message" && each.text.trim() === item.text.trim());
    if (same) pairs.set(item, same);
    if (same) left.delete(same);
  }
  return pairs;
}

function asStep(item: Item): Item {
  return item.type === "message" && item.channel === "answer" ? { ...item, channel: "step" } : item;
}

function completed(own: Item, seen: Item | undefined): Item {
  if (own.type === "tool" && seen?.type === "tool") return { ...own, call: timed(own.call, seen.call) };
  if (own.type !== "message" || seen?.type !== "message") return own;
  const { id, path, namespace, model, thinksFrom, thinksTo } = seen;
  const made: AiMessage = {
    ...own,
    ...{ id, path, namespace, model, thinksFrom, thinksTo },
    reasoning: own.reasoning || seen.reasoning,
    calls: own.calls.map((call) =>
      timed(
        call,
        seen.calls.find((each) => each.id === call.id),
      ),
    ),
    isIncomplete: own.isIncomplete || (seen.isIncomplete && own.text === seen.text),
  };
  return made;
}

function timed(call: ToolCall, seen: ToolCall | undefined): ToolCall {
  if (!seen) return call;
  const args =
    JSON.stringify(parsed(call.args)) === JSON.stringify(parsed(seen.args)) ? seen.args : call.args;
  return { ...call, args, calledAt: seen.calledAt, endedAt: seen.endedAt };
}
