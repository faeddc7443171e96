/** A conversation as turns: a question, and what was answered. */
import type { RunEvent } from "@seltzer/client";

export interface Turn {
  readonly question: string;
  readonly answer: string;
  readonly end: "finished" | "failed" | "cancelled" | "interrupted" | null;
}

/** Returns the turns with one more, which has no answer yet. */
export function begun(turns: readonly Turn[], question: string): readonly Turn[] {
  return [...turns, { question, answer: "", end: null }];
}

/** Returns the turns after an event of the run that answers the last of them. */
export function answered(turns: readonly Turn[], event: RunEvent): readonly Turn[] {
  const last = turns.at(-1);
  if (last === undefined) return turns;
  const change = (changed: Partial<Turn>) => [...turns.slice(0, -1), { ...last, ...changed }];
  switch (event.kind) {
    case "started":
      return change({ answer: "" });
    case "token":
      return event.data.channel === "answer" ? change({ answer: last.answer + event.data.text }) : turns;
    case "finished":
    case "failed":
    case "cancelled":
    case "interrupted":
      return change({ end: event.kind });
    default:
      return turns;
  }
}

/** Returns the turns of a thread's stored state; none of a state without messages. */
export function stored(values: unknown): readonly Turn[] {
  const turns: Turn[] = [];
  for (const message of messagesOf(values)) {
    const text = textOf(message["content"]);
    if (message["type"] === "human") turns.push({ question: text, answer: "", end: "finished" });
    else if (message["type"] === "ai" && text) {
      const last = turns.pop() ?? { question: "", answer: "", end: "finished" };
      turns.push({ ...last, answer: text });
    }
  }
  return turns;
}

function messagesOf(values: unknown): readonly Record<string, unknown>[] {
  const messages = isRecord(values) ? values["messages"] : null;
  return Array.isArray(messages) ? messages.filter(isRecord) : [];
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .filter(isRecord)
    .map((part) => (typeof part["text"] === "string" ? part["text"] : ""))
    .join("");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
