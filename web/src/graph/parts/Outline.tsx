import { useWords, type Words } from "../../words";
import { IDLE, type Work } from "../model/activity";
import { nameOf, type GraphNode, type Level } from "../model/levels";
import { described } from "./stop";

interface Props {
  readonly level: Level;
  readonly work: Work;
  readonly now: number | null;
}

/** What the drawing shows, as a list. */
export function Outline({ level, work, now }: Props) {
  const words = useWords();
  return (
    <details class="outline">
      <summary>{words.asList}</summary>
      <Nodes level={level} work={work} now={now} />
    </details>
  );
}

function Nodes({ level, work, now }: Props) {
  const words = useWords();
  return (
    <ul>
      {level.nodes
        .filter((node) => node.mark !== "end")
        .map((node) => (
          <li key={node.id}>
            {titleOf(node, work, now, words)}
            <ul>
              {level.edges
                .filter((edge) => edge.source === node.id)
                .map((edge) => (
                  <li key={edge.key}>
                    {words.leadsTo(markOrName(edge.target, words), edge.label, edge.isConditional)}
                    {work.taken.has(edge.key) && <strong> {words.wasTaken}</strong>}
                  </li>
                ))}
            </ul>
            {node.inner && <Nodes level={node.inner} work={work} now={now} />}
          </li>
        ))}
    </ul>
  );
}

function titleOf(node: GraphNode, work: Work, now: number | null, words: Words): string {
  if (node.mark) return words.startMark;
  return described(node.name, work.nodes.get(node.id) ?? IDLE, now, words, node.inner !== null);
}

function markOrName(id: string, words: Words): string {
  const name = nameOf(id);
  if (name === "__end__") return words.endMark;
  return name === "__start__" ? words.startMark : name;
}
