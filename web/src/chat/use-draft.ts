import { useMemo, useRef, useState } from "preact/hooks";
import type { Draft } from "./drafts";
import { useHost } from "./host";

export type ChangeDraft = (change: (before: Draft) => Draft) => void;

/** What is written and not sent. */
interface DraftHere {
  readonly draft: Draft;
  /** Changes the draft that is shown now, whatever is shown when that is done: files are read while more is written. */
  readonly change: ChangeDraft;
  /** The server has made the new thread: its draft is that of this thread now. */
  readonly adopt: (threadId: string) => void;
}

/** Returns the draft for the thread that is shown. graph is the path of its routes. */
export function useDraft(graph: string, threadId: string | null): DraftHere {
  const { drafts } = useHost();
  const [, setChanges] = useState(0);
  const place = useMemo(() => drafts.at(graph, threadId), [drafts, graph, threadId]);
  const shown = useRef(place);
  shown.current = place;
  return {
    draft: place.draft,
    change: (changed) => {
      place.change(changed);
      setChanges((count) => count + 1);
    },
    adopt: (made) => shown.current.adopt(made),
  };
}
