import { useWords } from "../words";
import type { Turn } from "./turns";

/** A question and its answer. */
export function TurnView({ turn }: { turn: Turn }) {
  const words = useWords();
  const isPending = turn.end === null && !turn.answer;
  return (
    <article class="turn">
      {turn.question && (
        <div class="question" dir="auto">
          <span class="unseen">{words.you}</span>
          {turn.question}
        </div>
      )}
      <div class="answer" dir="auto" aria-busy={turn.end === null}>
        {turn.answer}
        {isPending && <span class="waiting" aria-hidden="true" />}
      </div>
      {turn.end === "cancelled" && <p class="note">{words.stopped}</p>}
    </article>
  );
}
