/** What is shown of a run or a turn. */
import type { Interrupt } from "@seltzer/client";
import { keyOf, names, type AiMessage, type Item } from "./items";
import { isOver, type Run } from "./run";

/** Returns a run's answer as it is now. */
export function answerOf(run: Run): string {
  return answerAmong(run.items, isOver(run))?.text ?? "";
}

/**
 * Returns the message of a turn that is its answer, as far as that is known; null if there is none yet.
 *
 * The last one is the answer, the texts before it are steps. While the turn goes on, a text that may turn out to be
 * a step doesn't take the place of one that can only be the answer.
 */
export function answerAmong(items: readonly Item[], isEnded: boolean): AiMessage | null {
  let held: AiMessage | null = null;
  for (let at = items.length - 1; at >= 0; at--) {
    const item = items[at];
    if (item?.type !== "message" || item.channel !== "answer") continue;
    if (!item.text.trim() && item.files.length === 0) continue;
    if (isEnded || !item.isHeld) return item;
    held ??= item;
  }
  return held;
}

export function messagesOf(run: Run): readonly AiMessage[] {
  return run.items.filter((each): each is AiMessage => each.type === "message");
}

/** Returns the questions that wait for an answer now. */
export function pendingInterrupts(run: Run): readonly Interrupt[] {
  return run.status === "interrupted" ? run.interrupts : [];
}

/** A level of nested work: the items of one graph, and of the graphs that its nodes are or call. */
export interface Group {
  readonly namespace: readonly string[];
  readonly name: string;
  readonly children: readonly (Item | Group)[];
}

export const isGroup = (child: Item | Group): child is Group => "children" in child;

/** Returns what tells a child of a group from the others. */
export const childKey = (child: Item | Group): string =>
  isGroup(child) ? `group ${child.namespace.join("|")}` : keyOf(child);

/**
 * Returns the items nested by their namespaces, each group where its first item is.
 *
 * outside: what stands apart from the work, as the answer does. before: the groups as they were; those in which
 * nothing has changed are the identical objects.
 */
export function nested(
  items: readonly Item[],
  outside: Item | null = null,
  before: Group | null = null,
): Group {
  const root: Mutable = { namespace: [], name: "", children: [] };
  const groups = new Map<string, Mutable>([["", root]]);
  for (const item of items) {
    const namespace = item !== outside && "namespace" in item ? item.namespace : [];
    groupOf(namespace, groups, root).children.push(item);
  }
  return kept(root, before);
}

interface Mutable extends Group {
  readonly children: (Item | Group)[];
}

function groupOf(namespace: readonly string[], groups: Map<string, Mutable>, root: Mutable): Mutable {
  const key = namespace.join("|");
  const known = namespace.length ? groups.get(key) : root;
  if (known) return known;
  const made: Mutable = { namespace, name: names(namespace).at(-1) ?? "", children: [] };
  groups.set(key, made);
  groupOf(namespace.slice(0, -1), groups, root).children.push(made);
  return made;
}

/** Returns the group as it was, if nothing in it has changed. */
function kept(group: Mutable, before: Group | null): Group {
  const known = new Map(before?.children.filter(isGroup).map((each) => [childKey(each), each]));
  const children = group.children.map((each) =>
    isGroup(each) ? kept(each as Mutable, known.get(childKey(each)) ?? null) : each,
  );
  const isSame =
    before?.children.length === children.length && children.every((each, at) => each === before.children[at]);
  return before && isSame ? before : { ...group, children };
}
