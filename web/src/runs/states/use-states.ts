import { SeltzerError } from "@seltzer/client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { client } from "../../server/client";
import { listStates, type ShownState, type StoredState } from "../../server/runs";
import { getThread } from "../../server/threads";
import { withRest } from "../model/states";

const PAGE = 20;
const MANY = 100; // states without their values

/** The states of a thread from a run's last one on, the newest first. */
export interface States {
  readonly list: readonly StoredState[];
  /** The states that others begin with, by their ids; null: it isn't kept. */
  readonly parents: ReadonlyMap<string, ShownState | null>;
  /** The thread's newest state. */
  readonly newest: string | null;
  readonly isLoaded: boolean;
  readonly hasEarlier: boolean;
  readonly error: SeltzerError | null;
}

const NOTHING: States = {
  list: [],
  parents: new Map(),
  newest: null,
  isLoaded: false,
  hasEarlier: false,
  error: null,
};

export interface StateLoader {
  readonly earlier: () => void;
  readonly again: () => void;
}

/** Returns a run's states, and what loads them; steps: changes whenever there may be more of them. */
export function useStates(
  graph: string,
  threadId: string | null,
  runId: string,
  steps: unknown,
): [States, StateLoader] {
  const [states, setStates] = useState(NOTHING);
  const asked = useRef<AbortController | null>(null);
  const load = useCallback(
    async (read: (reader: StateReader) => Promise<States>) => {
      if (threadId === null) return;
      asked.current?.abort();
      const { signal } = (asked.current = new AbortController());
      const reader = new StateReader(graph, threadId, runId, signal);
      try {
        const found = await read(reader);
        if (!signal.aborted) setStates(found);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof SeltzerError)) throw error;
        setStates((known) => ({ ...known, isLoaded: true, error }));
      }
    },
    [graph, threadId, runId],
  );
  useEffect(() => setStates(NOTHING), [load]);
  useEffect(() => void load((reader) => reader.own()), [load, steps]);
  useEffect(() => () => asked.current?.abort(), []);
  return [
    states,
    {
      earlier: () => void load((reader) => reader.earlier(states)),
      again: () => void load(async (reader) => withEarlier(await reader.own(), states)),
    },
  ];
}

/** Returns the states with those before them that were loaded, too. */
function withEarlier(found: States, known: States): States {
  const list = withRest(found.list, known.list);
  if (list.length === found.list.length) return found;
  const parents = new Map([...known.parents, ...found.parents]);
  return { ...found, list, parents, hasEarlier: known.hasEarlier };
}

class StateReader {
  constructor(
    private readonly graph: string,
    private readonly threadId: string,
    private readonly runId: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Returns the states of the run. */
  async own(): Promise<States> {
    const { newest, before, isThere } = await this.place();
    const list: StoredState[] = [];
    let next: string | null = before;
    let isWhole = !isThere;
    while (!isWhole) {
      const page = await this.page(next);
      list.push(...page.checkpoints);
      next = page.next_before;
      isWhole = next === null || list.some((each) => each.run_id !== this.runId);
    }
    const last = list.findLastIndex((each) => each.run_id === this.runId);
    const own = list.slice(0, last + 1);
    return {
      list: own,
      parents: await this.parents(own, list),
      newest,
      isLoaded: true,
      hasEarlier: own.length > 0 && (next !== null || own.length < list.length),
      error: null,
    };
  }

  /** Returns the states with earlier ones at their end. */
  async earlier(known: States): Promise<States> {
    const page = await this.page(known.list.at(-1)?.checkpoint_id ?? null);
    const list = [...known.list, ...page.checkpoints];
    return {
      ...known,
      list,
      parents: new Map([...known.parents, ...(await this.parents(page.checkpoints, list))]),
      hasEarlier: page.next_before !== null,
      error: null,
    };
  }

  /** Finds the run's newest state: before is the one that comes after it. */
  private async place(): Promise<{ newest: string | null; before: string | null; isThere: boolean }> {
    let newest: string | null = null;
    let before: string | null = null;
    let next: string | null = null;
    do {
      const query = { before: next, limit: MANY, select: "checkpoint_id,run_id" };
      const page = await listStates(this.graph, this.threadId, query, this.signal);
      newest ??= page.checkpoints[0]?.checkpoint_id ?? null;
      for (const each of page.checkpoints) {
        if (each.run_id === this.runId) return { newest, before, isThere: true };
        before = each.checkpoint_id;
      }
      next = page.next_before;
    } while (next !== null);
    return { newest, before: null, isThere: false };
  }

  private page(before: string | null) {
    return listStates(this.graph, this.threadId, { before, limit: PAGE }, this.signal);
  }

  /** Returns the states before these: of the known ones, or asked for. */
  private async parents(
    states: readonly StoredState[],
    known: readonly StoredState[],
  ): Promise<ReadonlyMap<string, ShownState | null>> {
    const found = new Map<string, ShownState | null>(known.map((each) => [each.checkpoint_id, each]));
    const missing = states.flatMap(({ parent_checkpoint_id: id }) => (id && !found.has(id) ? [id] : []));
    await Promise.all([...new Set(missing)].map(async (id) => found.set(id, await this.state(id))));
    return found;
  }

  private async state(checkpointId: string): Promise<ShownState | null> {
    try {
      return await getThread(client, this.graph, this.threadId, { checkpoint_id: checkpointId });
    } catch (error) {
      if (error instanceof SeltzerError && error.code === "unknown_checkpoint") return null;
      throw error;
    }
  }
}
