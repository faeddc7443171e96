import type { GraphInfo } from "../server/info";
import { useWords } from "../words";
import { lazy } from "./lazy";
import { usePlaces } from "./places";

const GraphBeside = lazy(async () => (await import("../graph/GraphBeside")).default);

interface Props {
  readonly graph: GraphInfo;
  readonly threadId: string | null;
}

/** The graph at work, beside its chat. */
export function BesidePanel({ graph, threadId }: Props) {
  const words = useWords();
  const placeOf = usePlaces();
  return (
    <aside id="beside" class="beside" aria-label={words.graphBeside}>
      <GraphBeside graph={graph} threadId={threadId} runId={placeOf(graph.name, "graph")} />
    </aside>
  );
}
