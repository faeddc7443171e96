/** What is shown of a run. */
import type { Interrupt } from "@seltzer/client";
import { names, type AiMessage, type Item } from "./items";
import { isOver, type Run } from "./run";

/** Returns a run's answer as it is now: its messages that are no steps. */
export function answerOf(run: Run): string {
  const messages = messagesOf(run);
  const answers = messages.filter((each) => each.channel === "answer" && each.text);
  const held = answers.filter((each) => each.isHeld).at(-1);
  if (isOver(run) && held) return held.text;
  if (answers.length) return answers.map((each) => (each.isHeld ? "" : each.text)).join("");
  const last = run.begunWith !== null && run.status === "finished" ? messages.at(-1) : undefined;
  return last && !last.calls.length ? last.text : ""; // an earlier attempt had finished it
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

/** Returns the items nested by their namespaces, each group where its first item is. */
export function nested(items: readonly Item[]): Group {
  const root: Mutable = { namespace: [], name: "", children: [] };
  const groups = new Map<string, Mutable>([["", root]]);
  for (const item of items) groupOf(namespaceOf(item), groups, root).children.push(item);
  return root;
}

interface Mutable extends Group {
  readonly children: (Item | Group)[];
}

function namespaceOf(item: Item): readonly string[] {
  return "namespace" in item ? item.namespace : [];
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
