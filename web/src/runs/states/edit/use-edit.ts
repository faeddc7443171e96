import { SeltzerError } from "@seltzer/client";
import { useEffect, useState } from "preact/hooks";
import { troubleOf, type Trouble } from "../../../chat/model/trouble";
import { client, server } from "../../../server/client";
import { getGraph } from "../../../server/graph";
import { getThread, updateState, type Thread } from "../../../server/threads";
import { combinedIn, patchOf, placeOf } from "../../model/edit";
import { named, ROOT } from "../../model/states";

const SHOWN = 40; // items of each list

type Values = Readonly<Record<string, unknown>>;

/** A state that is edited. */
export interface Editable {
  readonly values: Values;
  /** How many items of its lists aren't shown; they stay. */
  readonly omitted: Readonly<Record<string, number>>;
  /** The graph's nodes, in whose name it can be written. */
  readonly nodes: readonly string[];
}

/** A state that was saved, and the keys that the graph has combined with what was there. */
export interface Saved {
  readonly thread: Thread;
  readonly combined: readonly string[];
}

/** Returns a state to edit, null until it is there, and why it can't be had. graph: the path of its routes. */
export function useEditable(
  graph: string,
  threadId: string,
  checkpointId: string,
): [Editable | null, SeltzerError | null] {
  const [editable, setEditable] = useState<Editable | null>(null);
  const [error, setError] = useState<SeltzerError | null>(null);
  useEffect(() => {
    let isShown = true;
    const asked = getThread(client, graph, threadId, { checkpoint_id: checkpointId, limit: SHOWN });
    Promise.all([asked, nodesOf(graph)]).then(
      ([{ values, omitted }, nodes]) => {
        if (isShown) setEditable({ values: named(values), omitted: omitted ?? {}, nodes });
      },
      (reason: unknown) => {
        if (!(reason instanceof SeltzerError)) throw reason;
        if (isShown) setError(reason);
      },
    );
    return () => {
      isShown = false;
    };
  }, [graph, threadId, checkpointId]);
  return [editable, error];
}

async function nodesOf(graph: string): Promise<readonly string[]> {
  try {
    const { nodes } = await getGraph(graph);
    const names = nodes.map((each) => String(each.id).split(":")[0] ?? "");
    return [...new Set(names)].filter((name) => name !== "__start__" && name !== "__end__");
  } catch (error) {
    if (!(error instanceof SeltzerError)) throw error;
    return []; // a graph that can't be drawn: what has written last is the choice left
  }
}

/** Saves what was changed of a state; trouble: the server's, with the field as the editor has it. */
export async function save(
  place: { readonly graph: string; readonly threadId: string; readonly checkpointId: string },
  before: Values,
  after: Values,
  asNode: string,
): Promise<Saved | Trouble> {
  const { values, places } = patchOf(before, after);
  const body = {
    values: Object.hasOwn(values, ROOT) ? values[ROOT] : values,
    checkpoint_id: place.checkpointId,
    ...(asNode && { as_node: asNode }),
  };
  try {
    const thread = await updateState(client, place.graph, place.threadId, body, server.signal);
    return { thread, combined: combinedIn(values, after, named(thread.values)) };
  } catch (error) {
    if (!(error instanceof SeltzerError)) throw error;
    const trouble = troubleOf(error);
    const field = trouble.field.replace(/^values\.?/, Object.hasOwn(values, ROOT) ? `${ROOT}.` : "");
    return { ...trouble, field: placeOf(field.replace(/\.$/, ""), places) };
  }
}
