import { useEffect, useRef, useState } from "preact/hooks";
import { useWords } from "../words";
import { useChat } from "./actions";
import { Files } from "./Files";
import { inputOf } from "./message";
import type { Question, Turn } from "./model/turn";
import { isPlainEnter } from "./keys";

interface Props {
  readonly turn: Turn;
  readonly question: Question;
  readonly onClose: () => void;
}

/** A user's message while it is changed. Sent, it begins a branch; the other one stays on its own. */
export function QuestionEditor({ turn, question, onClose }: Props) {
  const words = useWords();
  const { conversation } = useChat();
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(question.text);
  const [files, setFiles] = useState(question.files);
  useEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(text.length, text.length);
  }, []);
  const isEmpty = !text.trim() && files.length === 0;
  const send = () => {
    if (isEmpty) return;
    onClose();
    conversation.again(turn, inputOf(text, files));
  };
  return (
    <form
      class="question-editor"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Files
        files={files}
        onRemove={(at) => setFiles((before) => before.filter((_, index) => index !== at))}
      />
      <textarea
        ref={field}
        class="composer-field"
        dir="auto"
        rows={1}
        aria-label={words.editQuestion}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
          if (!isPlainEnter(event)) return;
          event.preventDefault();
          send();
        }}
      />
      <div class="form-actions">
        <button type="button" class="button is-quiet" onClick={onClose}>
          {words.cancel}
        </button>
        <button type="submit" class="button is-main" disabled={isEmpty}>
          {words.send}
        </button>
      </div>
    </form>
  );
}
