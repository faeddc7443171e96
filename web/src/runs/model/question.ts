/** What a run was asked: its states have it, its events haven't. */
import type { StoredState } from "../../server/runs";
import { messagesIn, textOf } from "../../state";

export type Asked =
  { readonly kind: "text"; readonly text: string } | { readonly kind: "input"; readonly value: unknown };

/** states: the run's, the newest first; null: they don't say. */
export function questionOf(states: readonly StoredState[], takesMessages: boolean): Asked | null {
  if (takesMessages) {
    for (const state of states) {
      if (state.source === "input") continue; // the thread as it was before
      const asked = messagesIn(state.values).findLast((each) => each["type"] === "human");
      if (asked) return { kind: "text", text: textOf(asked["content"]) };
    }
    return null;
  }
  const first = states.at(-1)?.source === "input" ? states.at(-2) : undefined;
  return first ? { kind: "input", value: first.values } : null;
}
