/** What a graph takes, as JSON schemas. */
import { path, type Client } from "@seltzer/client";

export interface Schemas {
  readonly input: unknown;
  /** null: the graph declares no context. */
  readonly context: unknown;
}

const known = new WeakMap<Client, Map<string, Promise<Schemas>>>();

/** Asks for a graph's schemas, once. Throws SeltzerError. */
export function getSchemas(client: Client, graph: string): Promise<Schemas> {
  const ofServer = known.get(client) ?? new Map<string, Promise<Schemas>>();
  known.set(client, ofServer);
  const asked = ofServer.get(graph) ?? client.request<Schemas>("GET", path(graph, "schemas"));
  ofServer.set(graph, asked);
  asked.catch(() => ofServer.delete(graph));
  return asked;
}
