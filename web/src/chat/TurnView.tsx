import { useRef, useState } from "preact/hooks";
import { lazy } from "../shell/lazy";
import { nested, type AiMessage, type Group } from "../state";
import { useWords } from "../words";
import { ItemList } from "./ItemList";
import type { Phase } from "./shown";
import { Json } from "./Json";
import { memo } from "./memo";
import { answerOf, type Question, type Turn } from "./model/turn";
import type { Variants } from "./model/variants";
import { QuestionEditor } from "./QuestionEditor";
import { QuestionView } from "./QuestionView";
import { TurnEnd } from "./TurnEnd";
import { TurnFoot } from "./TurnFoot";
import { useChat } from "./actions";
import { useSight } from "./use-sight";

const Interrupts = lazy(async () => (await import("../forms/Interrupts")).Interrupts);

interface Props {
  readonly turn: Turn;
  readonly variants: Variants | undefined;
  /** Of the run, if it is this turn that it answers. */
  readonly phase: Phase;
  readonly isLast: boolean;
  readonly isIdle: boolean;
  readonly isResumable: boolean;
}

/** A question, and what came of it. */
export const TurnView = memo<Props>(function TurnView({
  turn,
  variants,
  phase,
  isLast,
  isIdle,
  isResumable,
}) {
  const isOpen = turn.ending === null;
  const asks = isLast && isIdle && turn.ending === "interrupted";
  const article = useRef<HTMLElement>(null);
  const { conversation } = useChat();
  useSight(article, turn, () => conversation.look(turn));
  return (
    <article class="turn" aria-busy={isOpen} ref={article}>
      {turn.question && <Asked turn={turn} question={turn.question} variants={variants} isIdle={isIdle} />}
      <Answer turn={turn} phase={phase} isLast={isLast} />
      {asks && <Interrupts turn={turn} />}
      <TurnEnd turn={turn} isResumable={isResumable && isIdle} isIdle={isIdle} isLast={isLast} />
      {!isOpen && !asks && !(isLast && turn.ending === "failed") && (
        <TurnFoot turn={turn} isIdle={isIdle} isLast={isLast} />
      )}
    </article>
  );
});

/** What came of it. */
function Answer({ turn, phase, isLast }: Pick<Props, "turn" | "phase" | "isLast">) {
  const words = useWords();
  const isOpen = turn.ending === null;
  const groups = useRef<Group | null>(null);
  const answer = answerOf(turn);
  groups.current = nested(turn.items, answer, groups.current);
  return (
    <div class="answer">
      {turn.attempt > 1 && <p class="note">{words.takenOver(turn.attempt)}</p>}
      <ItemList isOpen={isOpen} answerId={answer?.id ?? null}>
        {groups.current.children}
      </ItemList>
      {hasOutput(turn, answer) && <Json value={turn.output} label={words.result} isProse />}
      {isOpen && isLast && <Waiting phase={phase} hasBegun={turn.items.length > 0} />}
    </div>
  );
}

/** Whether a run has returned what its answer doesn't show. */
function hasOutput({ output }: Turn, answer: AiMessage | null): boolean {
  return output !== null && output !== answer?.text;
}

interface AskedProps {
  readonly turn: Turn;
  readonly question: Question;
  readonly variants: Variants | undefined;
  readonly isIdle: boolean;
}

/** The question, or its editor. */
function Asked(props: AskedProps) {
  const [isEditing, setEditing] = useState(false);
  if (isEditing) {
    return <QuestionEditor turn={props.turn} question={props.question} onClose={() => setEditing(false)} />;
  }
  return (
    <QuestionView
      question={props.question}
      variants={props.variants}
      isIdle={props.isIdle}
      onEdit={() => setEditing(true)}
    />
  );
}

/** That something is to come, and what is waited for if that takes a while. */
function Waiting({ phase, hasBegun }: { phase: Phase; hasBegun: boolean }) {
  const words = useWords();
  return (
    <p class={hasBegun ? "waiting is-small" : "waiting"}>
      <span class="waiting-dot" aria-hidden="true" />
      {phase === "waiting" && <span class="waiting-why">{words.waitingForTurn}</span>}
    </p>
  );
}
