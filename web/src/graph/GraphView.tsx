import type { GraphInfo } from "../server/info";

export interface GraphProps {
  readonly graph: GraphInfo;
  /** The run that is shown. */
  readonly runId: string | null;
}

/** The graph as a drawing. */
export default function GraphView({ graph }: GraphProps) {
  return (
    <section class="view">
      <h2 dir="auto">{graph.name}</h2>
    </section>
  );
}
