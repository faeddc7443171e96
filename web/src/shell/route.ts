/** What the part of the address after # means. Hash routes work under any prefix, on any server. */

export const VIEWS = ["chat", "graph"] as const;
export type View = (typeof VIEWS)[number];

/** Where the reader is. id is a thread's in the chat, a run's in the graph's drawing. */
export interface Route {
  readonly graph: string | null;
  readonly view: View;
  readonly id: string | null;
}

export const START: Route = { graph: null, view: "chat", id: null };

/** Returns the route of a hash such as `#/agent/chat/THREAD`; what can't be read counts as left out. */
export function routeOf(hash: string): Route {
  const [graph, view, id] = hash
    .replace(/^#?\/?/, "")
    .split("/")
    .map(decoded);
  return {
    graph: graph || null,
    view: VIEWS.find((each) => each === view) ?? "chat",
    id: id || null,
  };
}

/** Returns the hash of a route. */
export function hashOf(route: Route): string {
  if (route.graph === null) return "#/";
  const parts = [route.graph, route.view, ...(route.id === null ? [] : [route.id])];
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
