/** What the part of the address after # means. Hash routes work under any prefix, on any server. */

export const VIEWS = ["chat", "graph", "runs"] as const;
export type View = (typeof VIEWS)[number];

/**
 * Where the reader is. id is a thread's in the chat, a run's elsewhere.
 *
 * query: what a view is told beside: the list of runs, by which it is filtered. graph is null at the start, and
 * where the runs of all graphs are listed.
 */
export interface Route {
  readonly graph: string | null;
  readonly view: View;
  readonly id: string | null;
  readonly query?: Readonly<Record<string, string>>;
}

export const START: Route = { graph: null, view: "chat", id: null };

/** Stands where else a graph's name does: one of that name is written otherwise. */
const RUNS = "runs";

/** Returns the route of a hash such as `#/agent/chat/THREAD`; what can't be read counts as left out. */
export function routeOf(hash: string): Route {
  const [places = "", search = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const [first, ...rest] = places.split("/");
  if (first === RUNS) return runsRoute(rest.map(decoded), new URLSearchParams(search));
  const [graph, view, id] = places.split("/").map(decoded);
  return {
    graph: graph || null,
    view: VIEWS.find((each) => each === view && each !== RUNS) ?? "chat",
    id: id || null,
  };
}

/** Returns the hash of a route. */
export function hashOf(route: Route): string {
  if (route.view === RUNS) return runsHash(route);
  if (route.graph === null) return "#/";
  const graph = route.graph === RUNS ? "%72uns" : encodeURIComponent(route.graph);
  const id = route.id === null ? [] : [encodeURIComponent(route.id)];
  return `#/${[graph, route.view, ...id].join("/")}`;
}

function runsRoute([graph, id]: readonly string[], search: URLSearchParams): Route {
  const { graph: filtered, ...query } = Object.fromEntries(search);
  const isRun = Boolean(graph && id);
  const found = {
    graph: (isRun ? graph : filtered) || null,
    view: RUNS,
    id: isRun ? (id ?? null) : null,
  } as const;
  return Object.keys(query).length > 0 ? { ...found, query } : found;
}

function runsHash({ graph, id, query = {} }: Route): string {
  const isRun = graph !== null && id !== null;
  const places = isRun ? [graph, id].map((each) => `/${encodeURIComponent(each)}`).join("") : "";
  const search = new URLSearchParams({ ...(graph === null || isRun ? {} : { graph }), ...query }).toString();
  return `#/${RUNS}${places}${search && `?${search}`}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
