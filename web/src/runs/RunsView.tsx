import type { GraphInfo } from "../server/info";

export interface RunsProps {
  readonly graph: GraphInfo;
  /** The run that is shown. */
  readonly runId: string | null;
}

/** The runs of a graph, or one of them. */
export default function RunsView({ graph }: RunsProps) {
  return (
    <section class="view">
      <h2 dir="auto">{graph.name}</h2>
    </section>
  );
}
