import { useWords } from "../words";

interface Props {
  readonly graph: string;
  /** The thread that is shown. */
  readonly current: string | null;
}

/** The threads of a graph, the newest first. */
export function ThreadList({ graph }: Props) {
  const words = useWords();
  return (
    <p class="note sidebar-note" data-graph={graph}>
      {words.noThreads}
    </p>
  );
}
