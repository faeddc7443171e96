import { SeltzerError } from "@seltzer/client";
import { useEffect, useState } from "preact/hooks";
import { CodeBox } from "../../chat/CodeBox";
import { pretty } from "../../state";
import { client } from "../../server/client";
import { getThread, type StateQuery } from "../../server/threads";
import { useWords } from "../../words";
import type { ShownState } from "../../server/runs";
import { named, ROOT } from "../model/states";

const PAGE = 20; // items of each list

interface Props {
  /** The path of the graph's routes. */
  readonly graph: string;
  readonly threadId: string;
  readonly checkpointId: string;
}

/** A state by its keys; of a long list its end, and the items before that when they are asked for. */
export function WholeState({ graph, threadId, checkpointId }: Props) {
  const words = useWords();
  const [state, setState] = useState<ShownState | null>(null);
  const [error, setError] = useState<SeltzerError | null>(null);
  const ask = (query: StateQuery, use: (found: ShownState) => void) => {
    getThread(client, graph, threadId, { checkpoint_id: checkpointId, limit: PAGE, ...query }).then(
      use,
      (reason: unknown) => {
        if (!(reason instanceof SeltzerError)) throw reason;
        setError(reason);
      },
    );
  };
  useEffect(() => ask({}, setState), []);
  if (error) return <p class="note is-danger">{error.message}</p>;
  if (state === null) return <p class="note">{words.loading}</p>;
  const values = named(state.values);
  const isEmpty = Object.keys(values).length === 0;
  return (
    <div class="whole-state">
      {isEmpty && <p class="note">{words.emptyState}</p>}
      {Object.entries(values).map(([key, value]) => {
        const omitted = state.omitted?.[key] ?? 0;
        return (
          <div key={key}>
            {omitted > 0 && (
              <button
                type="button"
                class="button is-quiet"
                onClick={() =>
                  ask({ key, before: omitted }, (page) => setState(withEarlier(state, page, key)))
                }
              >
                {words.omittedItems(omitted, nameOf(key, words.atRoot))}
              </button>
            )}
            <CodeBox label={nameOf(key, words.atRoot)} text={pretty(value) || "null"} />
          </div>
        );
      })}
    </div>
  );
}

const nameOf = (key: string, root: string): string => (key === ROOT ? root : key);

/** Returns the state with a page of earlier items at the beginning of one of its lists. */
function withEarlier(state: ShownState, page: ShownState, key: string): ShownState {
  const [known, earlier] = [named(state.values), named(page.values)];
  const list = [...((earlier[key] ?? []) as unknown[]), ...((known[key] ?? []) as unknown[])];
  const omitted = { ...state.omitted, [key]: page.omitted?.[key] ?? 0 };
  return { values: { ...known, [key]: list }, omitted };
}
