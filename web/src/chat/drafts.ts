/** What was written and not sent, by thread, for as long as the page is open. */
import type { Attached } from "../state";

export interface Draft {
  readonly text: string;
  readonly files: readonly Attached[];
}

export const EMPTY: Draft = { text: "", files: [] };
const BETWEEN = "\n\n"; // two messages that stand in one draft

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

  /** Returns the place of the draft for a graph's thread; null is a new thread. */
  at(graph: string, threadId: string | null): DraftPlace {
    return new DraftPlace(this, graph, threadId);
  }
}

/** Where a draft stands: what is changed in it later, as when a file has been read, is changed there. */
export class DraftPlace {
  constructor(
    private readonly drafts: Drafts,
    private readonly graph: string,
    private threadId: string | null,
  ) {}

  get draft(): Draft {
    return this.drafts.get(this.graph, this.threadId);
  }

  /** Changes the draft as it is then. */
  change(changed: (before: Draft) => Draft): void {
    this.drafts.set(this.graph, this.threadId, changed(this.draft));
  }

  /** The server has made the new thread: what was written for it meanwhile is now this one's. */
  adopt(threadId: string): void {
    const { draft } = this;
    this.change(() => EMPTY);
    this.threadId = threadId;
    this.change(() => draft);
  }
}

/** Returns a draft with what wasn't sent in front of what was written since. */
export function withUnsent({ text, files }: Draft, unsent: Draft): Draft {
  return {
    text: [unsent.text, text].filter(Boolean).join(BETWEEN),
    files: [...unsent.files, ...files],
  };
}

/** Returns a draft without what is sent after all, unless that was changed. */
export function withoutUnsent(draft: Draft, unsent: Draft): Draft {
  const files = draft.files.filter((each) => !unsent.files.includes(each));
  if (draft.text === unsent.text) return { text: "", files };
  const front = unsent.text && unsent.text + BETWEEN;
  return draft.text.startsWith(front) ? { text: draft.text.slice(front.length), files } : draft;
}

const keyOf = (graph: string, threadId: string | null): string => `${graph} ${threadId ?? ""}`;
