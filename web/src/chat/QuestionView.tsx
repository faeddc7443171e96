import { CopyButton } from "./CopyButton";
import { Files } from "./Files";
import { PencilIcon } from "../look/icons";
import { useWords } from "../words";
import { useChat } from "./actions";
import { Json } from "./Json";
import type { Question } from "./model/turn";
import type { Variants } from "./model/variants";
import { VariantSwitch } from "./VariantSwitch";

interface Props {
  readonly question: Question;
  readonly variants: Variants | undefined;
  readonly isIdle: boolean;
  readonly onEdit: () => void;
}

/** What was asked, and what can be done with it. */
export function QuestionView({ question, variants, isIdle, onEdit }: Props) {
  const words = useWords();
  const { graph } = useChat();
  const isMessage = Boolean(question.text) || question.files.length > 0;
  return (
    <div class="question-part">
      <Files files={question.files} />
      {isMessage ? (
        question.text && (
          <div class="question" dir="auto">
            <bdi class="unseen">{words.you}</bdi>
            {question.text}
          </div>
        )
      ) : (
        <Json value={question.input} label={words.input} />
      )}
      <div class="actions">
        {isMessage && <CopyButton text={question.text} label={words.copyQuestion} />}
        {graph.takes_messages && isMessage && (
          <button
            type="button"
            class="button is-quiet is-icon"
            aria-label={words.editQuestion}
            title={words.editQuestion}
            disabled={!isIdle}
            onClick={onEdit}
          >
            <PencilIcon />
          </button>
        )}
        {variants && <VariantSwitch variants={variants} isIdle={isIdle} />}
      </div>
    </div>
  );
}
