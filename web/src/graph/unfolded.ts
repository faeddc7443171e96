/** Which sub-graphs are unfolded, by their graph: it is remembered until the page is left. */
import { useCallback, useState } from "preact/hooks";

const remembered = new Map<string, ReadonlySet<string>>();
const NONE: ReadonlySet<string> = new Set();

/** Returns the unfolded sub-graphs of a graph, and what changes them. */
export function useUnfolded(
  graph: string,
): [ReadonlySet<string>, (change: (ids: ReadonlySet<string>) => ReadonlySet<string>) => void] {
  const [, setChanges] = useState(0);
  const change = useCallback(
    (by: (ids: ReadonlySet<string>) => ReadonlySet<string>) => {
      remembered.set(graph, by(remembered.get(graph) ?? NONE));
      setChanges((count) => count + 1);
    },
    [graph],
  );
  return [remembered.get(graph) ?? NONE, change];
}

/** Returns the ids with one more, or without it. */
export function toggled(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const changed = new Set(ids);
  if (!changed.delete(id)) changed.add(id);
  return changed;
}
