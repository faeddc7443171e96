import { StepsIcon } from "../look/icons";
import type { AiMessage } from "../state";
import { useWords } from "../words";
import { Files } from "./Files";
import { Fold } from "./Fold";
import { Json } from "./Json";
import { structuredIn } from "./model/steps";
import { Prose } from "./Prose";

interface Props {
  readonly message: AiMessage;
  /** Whether it may still grow. */
  readonly isOpen: boolean;
}

/** The answer: as Markdown, or the fields of a structured one. */
export function AnswerText({ message, isOpen }: Props) {
  const words = useWords();
  const structured = message.isDone ? structuredIn(message.text) : undefined;
  return (
    <div class="answer-text">
      {structured === undefined ? (
        <Prose text={message.text} isLive={isOpen} />
      ) : (
        <Json value={structured} label={words.result} isProse />
      )}
      <Files files={message.files} />
      {message.isIncomplete && <p class="note is-incomplete">{words.incomplete}</p>}
    </div>
  );
}

/** What a step wrote on the way: open while it is written, then folded. */
export function StepText({ message, isOpen }: Props) {
  const words = useWords();
  return (
    <Fold icon={<StepsIcon />} title={message.path.at(-1) ?? words.step} isRunning={isOpen}>
      <div class="fold-text">
        <Prose text={message.text} isLive={isOpen} />
        <Files files={message.files} />
      </div>
    </Fold>
  );
}
