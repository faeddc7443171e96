import { useState } from "preact/hooks";
import { useChat } from "../chat/actions";
import type { Turn } from "../chat/model/turn";
import { useWords } from "../words";
import { askOf } from "./asks";
import { QuestionCard } from "./QuestionCard";
import { ReviewCard } from "./ReviewCard";
import "./forms.css";

/** What the graph asks at the end of a turn: each question with its form, and all of them sent at once. */
export function Interrupts({ turn }: { turn: Turn }) {
  const words = useWords();
  const { conversation } = useChat();
  const [answers, setAnswers] = useState<ReadonlyMap<string, unknown>>(new Map());
  const { interrupts } = turn;
  const isOne = interrupts.length === 1;
  const withdraw = (
    <button type="button" class="button is-quiet" onClick={() => void conversation.withdraw()}>
      {words.withdraw}
    </button>
  );
  if (interrupts.length === 0) {
    return (
      <section class="ask" aria-label={words.paused}>
        <p class="ask-title">{words.paused}</p>
        <div class="form-actions">
          {withdraw}
          <button type="button" class="button is-main" onClick={() => conversation.answer(null)}>
            {words.continueRun}
          </button>
        </div>
      </section>
    );
  }
  const answer = (id: string, value: unknown) => {
    if (isOne) conversation.answer({ [id]: value });
    else setAnswers((before) => new Map(before).set(id, value));
  };
  return (
    <section class="asks" aria-label={words.asksYou}>
      {interrupts.map(({ id, value }) => {
        const ask = askOf(value);
        const shared = {
          isOne,
          isAnswered: answers.has(id),
          onAnswer: (given: unknown) => answer(id, given),
        };
        return ask.kind === "review" ? (
          <ReviewCard key={id} ask={ask} {...shared} withdraw={isOne ? withdraw : null} />
        ) : (
          <QuestionCard key={id} ask={ask} {...shared} withdraw={isOne ? withdraw : null} />
        );
      })}
      {!isOne && (
        <div class="form-actions">
          {withdraw}
          <button
            type="button"
            class="button is-main"
            disabled={answers.size < interrupts.length}
            onClick={() => conversation.answer(Object.fromEntries(answers))}
          >
            {words.sendAnswers(answers.size, interrupts.length)}
          </button>
        </div>
      )}
    </section>
  );
}
