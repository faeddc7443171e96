import { useEffect, useRef } from "preact/hooks";
import { BranchIcon, CheckIcon } from "../../../look/icons";
import type { GraphInfo } from "../../../server/info";
import { hashOf } from "../../../shell/route";
import { useWords } from "../../../words";
import { Continue } from "../Continue";
import type { Saved } from "./use-edit";

/** That a state was saved, and where the thread is now. */
export function SavedNote({ graph, saved }: { graph: GraphInfo; saved: Saved }) {
  const words = useWords();
  const note = useRef<HTMLDivElement>(null);
  useEffect(() => note.current?.focus(), []);
  const { thread, combined } = saved;
  const next = thread.next.join(", ");
  const place = { checkpoint_id: thread.checkpoint_id ?? "", next: thread.next };
  return (
    <div class="state-saved" ref={note} tabIndex={-1} role="status">
      <p>
        <CheckIcon /> {words.stateSaved}
      </p>
      <p class="note">{next ? words.nextNodes(next) : words.turnEnds}</p>
      {combined.length > 0 && <p class="note">{words.stateCombined(combined.join(", "))}</p>}
      <div class="form-actions">
        {next && (
          <a class="button" href={hashOf({ graph: graph.name, view: "chat", id: thread.thread_id })}>
            {words.openThread}
          </a>
        )}
        <Continue graph={graph} threadId={thread.thread_id} state={place} isNewest>
          {next && <BranchIcon />}
          {next ? words.runNodes(next) : words.openThread}
        </Continue>
      </div>
    </div>
  );
}
