import { useMemo } from "preact/hooks";
import { CodeBox } from "../../chat/CodeBox";
import { ItemList } from "../../chat/ItemList";
import { Json } from "../../chat/Json";
import { answerAmong, isOver, nested, pretty, type Run } from "../../state";
import type { GraphInfo } from "../../server/info";
import { useWords } from "../../words";
import { questionOf, type Asked } from "../model/question";
import type { States } from "../states/use-states";

interface Props {
  readonly graph: GraphInfo;
  readonly run: Run;
  readonly states: States;
}

/** What was asked, and what had been answered at a moment of the run, as the chat has shown it. */
export function Moment({ graph, run, states }: Props) {
  const words = useWords();
  const question = useMemo(() => questionOf(states.list, graph.takes_messages), [states.list]);
  const root = useMemo(() => nested(run.items), [run.items]);
  const isOpen = !isOver(run);
  return (
    <section class="moment" aria-label={words.thisMoment}>
      <h3 class="run-heading">{words.thisMoment}</h3>
      <div class="turn">
        {question && <Question asked={question} />}
        <div class="answer">
          {run.items.length === 0 && <p class="note">{words.nothingYet}</p>}
          <ItemList isOpen={isOpen} answerId={answerAmong(run.items, !isOpen)?.id ?? null}>
            {root.children}
          </ItemList>
          {run.interrupts.map((each) => (
            <CodeBox key={each.id} label={words.asked} text={textual(each.value)} />
          ))}
          {run.error && (
            <p class="moment-error">
              <code>{run.error.code}</code>
            </p>
          )}
        </div>
      </div>
    </section>
  );
}

function Question({ asked }: { asked: Asked }) {
  const words = useWords();
  if (asked.kind === "input") return <Json value={asked.value} label={words.inputOf} />;
  if (!asked.text) return null;
  return (
    <div class="question-part">
      <div class="question" dir="auto">
        {asked.text}
      </div>
    </div>
  );
}

const textual = (value: unknown): string => (typeof value === "string" ? value : pretty(value));
