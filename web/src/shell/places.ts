/** Where the reader was in each graph: who comes back to a view finds there what it showed. */
import { useEffect, useState } from "preact/hooks";
import type { View } from "./route";

const places = new Map<string, string>();
const listeners = new Set<() => void>();

/** Remembers what a view of a graph shows: a thread, or a run; null: nothing, the view begins anew. */
export function remember(graph: string, view: View, id: string | null): void {
  const key = `${view} ${graph}`;
  if ((places.get(key) ?? null) === id) return;
  if (id === null) places.delete(key);
  else places.set(key, id);
  for (const listener of [...listeners]) listener();
}

/** Returns what tells where the reader was last, as it is now. */
export function usePlaces(): (graph: string | null, view: View) => string | null {
  const [, setCount] = useState(0);
  useEffect(() => {
    const changed = () => setCount((count) => count + 1);
    listeners.add(changed);
    return () => listeners.delete(changed);
  }, []);
  return (graph, view) => places.get(`${view} ${graph ?? ""}`) ?? null;
}
