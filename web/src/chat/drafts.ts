/** What was written and not sent, by thread, for as long as the page is open. */
import type { Attached } from "../state";

export interface Draft {
  readonly text: string;
  readonly files: readonly Attached[];
}

export const EMPTY: Draft = { text: "", files: [] };

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

  /** The server has made the new thread: what was written for it meanwhile is now this one's. */
  adopt(graph: string, threadId: string): void {
    this.set(graph, threadId, this.get(graph, null));
    this.set(graph, null, EMPTY);
  }
}

const keyOf = (graph: string, threadId: string | null): string => `${graph} ${threadId ?? ""}`;
