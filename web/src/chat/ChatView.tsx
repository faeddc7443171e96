import type { GraphInfo } from "../server/info";
import { useWords } from "../words";

export interface ChatProps {
  readonly graph: GraphInfo;
  /** The thread that is shown; null: a new one. */
  readonly threadId: string | null;
}

/** A conversation with a graph. */
export function ChatView({ graph }: ChatProps) {
  const words = useWords();
  return (
    <section class="view">
      <h2 dir="auto">{words.askHeading(graph.name)}</h2>
    </section>
  );
}
