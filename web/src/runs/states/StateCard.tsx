import { useMemo, useState } from "preact/hooks";
import { Fold } from "../../chat/Fold";
import { BranchIcon, ChevronIcon, CodeIcon, PencilIcon } from "../../look/icons";
import type { GraphInfo } from "../../server/info";
import type { ShownState, StoredState } from "../../server/runs";
import { useWords, type Words } from "../../words";
import { Changes } from "./Changes";
import { Continue } from "./Continue";
import { exactOf } from "../model/format";
import { changesOf } from "../model/states";
import { StateEditor } from "./edit/StateEditor";
import { WholeState } from "./WholeState";

interface Props {
  readonly graph: GraphInfo;
  readonly threadId: string;
  readonly state: StoredState;
  /** The state before it: null if it is the first one, undefined if it isn't kept. */
  readonly before: ShownState | null | undefined;
  readonly isOther: boolean;
  readonly isNewest: boolean;
  /** The state was changed by hand: the thread has another one. */
  readonly onSaved: () => void;
}

/** A state: what has changed, all of it, and what can be done from there. */
export function StateCard({ graph, threadId, state, before, isOther, isNewest, onSaved }: Props) {
  const words = useWords();
  const [isOpen, setOpen] = useState(false);
  const [isEdited, setEdited] = useState(false);
  const changes = useMemo(() => (before === undefined ? [] : changesOf(state, before)), [state, before]);
  const count = (kind: string) => changes.filter((each) => each.kind === kind).length;
  const counted =
    changes.length === 0
      ? words.unchanged
      : words.changedCount(count("added"), count("removed"), count("changed"));
  return (
    <li class="state" data-other={isOther}>
      <button type="button" class="state-head" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span class="state-name">{nameOf(state, words)}</span>
        <span class="state-next">{nextOf(state, words)}</span>
        <span class="state-count">{before === undefined ? "" : counted}</span>
        <span class="fold-chevron">
          <ChevronIcon />
        </span>
      </button>
      {isOpen && (
        <div class="state-body">
          {isOther && <p class="note">{words.ofOtherRun}</p>}
          <Changes changes={changes} />
          <Fold icon={<CodeIcon />} title={words.wholeState}>
            <WholeState graph={graph.path} threadId={threadId} checkpointId={state.checkpoint_id} />
          </Fold>
          <div class="state-foot">
            <div class="state-actions">
              <Continue graph={graph} threadId={threadId} state={state} isNewest={isNewest}>
                <BranchIcon />
                {words.continueHere}
              </Continue>
              <button
                type="button"
                class="button"
                aria-expanded={isEdited}
                onClick={() => setEdited(!isEdited)}
              >
                <PencilIcon />
                {words.editState}
              </button>
            </div>
            {state.created_at && (
              <time class="note" dateTime={state.created_at}>
                {exactOf(state.created_at, words.languageCode)}
              </time>
            )}
          </div>
          {isEdited && (
            <StateEditor
              graph={graph}
              threadId={threadId}
              checkpointId={state.checkpoint_id}
              onSaved={onSaved}
              onClose={() => setEdited(false)}
            />
          )}
        </div>
      )}
    </li>
  );
}

function nameOf({ source, step }: StoredState, words: Words): string {
  if (source === "input") return words.stateOfInput;
  if (source === "update") return words.stateOfEdit;
  return source === "fork" ? words.stateOfFork : words.stateOfStep(step);
}

function nextOf({ next }: StoredState, words: Words): string {
  return next.length === 0
    ? words.turnEnds
    : words.nextNodes(next.map((each) => (each === "__start__" ? words.startMark : each)).join(", "));
}
