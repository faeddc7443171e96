/** A graph's drawing, as LangGraph describes it. */
import { path } from "@seltzer/client";
import { client } from "./client";

export interface DrawnNode {
  readonly id: string | number;
  readonly type: string;
  readonly data?: unknown;
}

export interface DrawnEdge {
  readonly source: string | number;
  readonly target: string | number;
  /** The name of the branch that leads here. */
  readonly data?: unknown;
  readonly conditional?: boolean;
}

export interface Drawn {
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly DrawnEdge[];
}

/** Asks for the nodes and edges of a graph. graph: the path of its routes. Throws SeltzerError. */
export function getGraph(graph: string): Promise<Drawn> {
  return client.request<Drawn>("GET", path(graph, "graph"));
}
