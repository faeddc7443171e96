/** What was written and not sent, by thread, for as long as the page is open. */
import type { Attached } from "../state";

export interface Draft {
  readonly text: string;
  readonly files: readonly Attached[];
}

const EMPTY: Draft = { text: "", files: [] };

export class Drafts {
  private readonly drafts = new Map<string, Draft>();

  /** Returns the draft for a graph's thread; null is a new thread. */
  get(graph: string, threadId: string | null): Draft {
    return this.drafts.get(keyOf(graph, threadId)) ?? EMPTY;
  }

  set(graph: string, threadId: string | null, draft: Draft): void {
    if (draft.text || draft.files.length > 0) this.drafts.set(keyOf(graph, threadId), draft);
    else this.drafts.delete(keyOf(graph, threadId));
  }
}

const keyOf = (graph: string, threadId: string | null): string => `${graph} ${threadId ?? ""}`;
