import { Notice } from "../../shell/Notice";
import type { GraphInfo } from "../../server/info";
import { useWords } from "../../words";
import { StateCard } from "./StateCard";
import type { StateLoader, States } from "./use-states";

interface Props {
  readonly graph: GraphInfo;
  readonly threadId: string;
  readonly states: States;
  readonly loader: StateLoader;
}

/** The thread's states that a run has written, the newest first. */
export function StateList({ graph, threadId, states, loader }: Props) {
  const words = useWords();
  const run = states.list[0]?.run_id;
  if (!states.isLoaded) return <p class="note">{words.loading}</p>;
  return (
    <div class="states">
      {states.error && <Notice text={words.failed} detail={states.error.message} />}
      {!states.error && states.list.length === 0 && <p class="note">{words.noStates}</p>}
      {states.list.length > 0 && <p class="note">{words.statesNote}</p>}
      <ol class="state-list">
        {states.list.map((state) => (
          <StateCard
            key={state.checkpoint_id}
            graph={graph}
            threadId={threadId}
            state={state}
            before={beforeOf(states, state.parent_checkpoint_id)}
            isOther={state.run_id !== run}
            isNewest={state.checkpoint_id === states.newest}
            onSaved={loader.again}
          />
        ))}
      </ol>
      {states.hasEarlier && (
        <p class="run-more">
          <button type="button" class="button is-quiet" onClick={loader.earlier}>
            {words.earlierStates}
          </button>
        </p>
      )}
    </div>
  );
}

/** Returns the state before another: null if that is the first one, undefined if it isn't kept. */
function beforeOf(states: States, parent: string | null) {
  if (parent === null) return null;
  return states.parents.get(parent) ?? undefined;
}
