/** What a graph takes, as JSON schemas. */
import { path } from "@seltzer/client";
import { client } from "./client";

export interface Schemas {
  readonly input: unknown;
  /** null: the graph declares no context. */
  readonly context: unknown;
}

const known = new Map<string, Promise<Schemas>>();

/** Asks for a graph's schemas, once. Throws SeltzerError. */
export function getSchemas(graph: string): Promise<Schemas> {
  const asked = known.get(graph) ?? client.request<Schemas>("GET", path(graph, "schemas"));
  known.set(graph, asked);
  asked.catch(() => known.delete(graph));
  return asked;
}
