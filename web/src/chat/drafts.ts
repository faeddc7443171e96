/** What was written and not sent, by thread, for as long as the page is open. */
import type { Attached } from "./model/parts";

export interface Draft {
  readonly text: string;
  readonly files: readonly Attached[];
}

const EMPTY: Draft = { text: "", files: [] };
const drafts = new Map<string, Draft>();

/** Returns the drafts of a graph; null is the draft of a new thread. */
export function draftsOf(graph: string) {
  const keyOf = (threadId: string | null) => `${graph} ${threadId ?? ""}`;
  return {
    get: (threadId: string | null): Draft => drafts.get(keyOf(threadId)) ?? EMPTY,
    set: (threadId: string | null, draft: Draft): void => {
      if (draft.text || draft.files.length > 0) drafts.set(keyOf(threadId), draft);
      else drafts.delete(keyOf(threadId));
    },
  };
}
