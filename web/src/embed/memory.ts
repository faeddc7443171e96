/** The thread an element had, in the browser of whoever uses the page: only where the page asks for it. */

const keyOf = (graph: string): string => `agent-chat ${graph}`;

/** Returns the thread that was kept of a graph, which is named by its address; null: none, or it can't be read. */
export function keptThread(graph: string): string | null {
  try {
    return localStorage.getItem(keyOf(graph));
  } catch {
    return null;
  }
}

export function keepThread(graph: string, threadId: string | null): void {
  try {
    if (threadId === null) localStorage.removeItem(keyOf(graph));
    else localStorage.setItem(keyOf(graph), threadId);
  } catch {
    // A browser that keeps nothing.
  }
}
