/** A graph's drawing, as LangGraph describes it. */
import { path, SeltzerError } from "@seltzer/client";
import { client } from "./client";

const NOT_DRAWN = "graph_not_drawn";

export interface DrawnNode {
  readonly id: string | number;
  readonly type: string;
  readonly data?: unknown;
  /** What LangGraph has noted of the node, such as the names of its tools. */
  readonly metadata?: Readonly<Record<string, unknown>>;
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

/**
 * Asks for the nodes and edges of a graph, and of its sub-graphs if LangGraph can draw them.
 *
 * graph: the path of its routes. Throws SeltzerError.
 */
export async function getGraph(graph: string): Promise<Drawn> {
  try {
    return await client.request<Drawn>("GET", `${path(graph, "graph")}?xray=true`);
  } catch (error) {
    if (!(error instanceof SeltzerError) || error.code !== NOT_DRAWN) throw error;
    return client.request<Drawn>("GET", path(graph, "graph"));
  }
}
