/** What a node has written into the state's messages: it ends those that were streamed, and adds the others. */
import type { AiMessage, Item } from "./items";
import type { JsonObject } from "./json";
import { turnsOf, type Ended } from "./thread";

/** A turn that hasn't come to its end: what a tool has returned isn't its answer. */
const UNENDED: Ended = { status: "interrupted", output: null };

/** Returns the items with the messages that a node has written; those it leaves alone are the identical objects. */
export function withMessages(
  items: readonly Item[],
  messages: readonly JsonObject[],
  path: readonly string[],
  namespace: readonly string[],
  at: number | null,
): readonly Item[] {
  // A graph within a graph returns the whole conversation: its last turn is this one.
  const written = turnsOf(messages, UNENDED).at(-1)?.items ?? [];
  if (written.length === 0) return items;
  const byId = new Map(written.filter((each) => each.type === "message").map((each) => [each.id, each]));
  let isSame = true;
  const ended = items.map((item) => {
    const stored = item.type === "message" && !item.isDone ? byId.get(item.id) : undefined;
    if (!stored || item.type !== "message") return item;
    isSame = false;
    return endedAs(item, stored, at);
  });
  const added = written.filter((each) => each.type === "message" && !isKnown(items, each));
  if (added.length === 0) return isSame ? items : ended;
  return [
    ...ended,
    ...added.map((each) => ({ ...(each as AiMessage), channel: "step" as const, path, namespace })),
  ];
}

function endedAs(item: AiMessage, stored: AiMessage, at: number | null): AiMessage {
  const thinksTo = item.reasoning ? (item.thinksTo ?? at) : null;
  return { ...item, isDone: true, usage: stored.usage, files: stored.files, thinksTo };
}

/** Whether it is there, be it under another id: a node may return its model's text as a message of its own. */
function isKnown(items: readonly Item[], message: Item): boolean {
  if (message.type !== "message") return true;
  const text = message.text.trim();
  return items.some(
    (each) =>
      each.type === "message" && (each.id === message.id || (text !== "" && each.text.trim() === text)),
  );
}
