import { useRef, useState } from "preact/hooks";
import type { Draft } from "./drafts";
import { useHost } from "./host";

export type ChangeDraft = (change: (before: Draft) => Draft) => void;

/** What is written and not sent. */
interface DraftHere {
  readonly draft: Draft;
  /** Changes the draft as it is then: files are read while more is written. */
  readonly change: ChangeDraft;
  /** The server has made the new thread: its draft is that of this thread now. */
  readonly adopt: (threadId: string) => void;
}

/** Returns the draft for the thread that is shown. graph is the path of its routes. */
export function useDraft(graph: string, threadId: string | null): DraftHere {
  const { drafts } = useHost();
  const [, setChanges] = useState(0);
  const given = useRef(threadId);
  const place = useRef(threadId);
  if (given.current !== threadId) given.current = place.current = threadId;
  return {
    draft: drafts.get(graph, place.current),
    change: (changed) => {
      drafts.set(graph, place.current, changed(drafts.get(graph, place.current)));
      setChanges((count) => count + 1);
    },
    adopt: (made) => {
      drafts.adopt(graph, made);
      place.current = made;
    },
  };
}
