import { useRef, useState } from "preact/hooks";
import { ArrowUpIcon, StopIcon } from "../look/icons";
import { useWords } from "../words";

interface Props {
  readonly isAnswering: boolean;
  readonly onAsk: (text: string) => void;
  readonly onStop: () => void;
}

/** Where a question is written. Enter sends it, but not while an input method composes; Shift+Enter breaks. */
export function Composer({ isAnswering, onAsk, onStop }: Props) {
  const words = useWords();
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState("");
  const send = () => {
    if (isAnswering || !text.trim()) return;
    onAsk(text);
    setText("");
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const composes = event.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || composes) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={field}
        class="composer-field"
        dir="auto"
        rows={1}
        aria-label={words.message}
        placeholder={words.message}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {isAnswering ? (
        <button type="button" class="button is-icon is-round" aria-label={words.stop} onClick={onStop}>
          <StopIcon />
        </button>
      ) : (
        <button
          type="submit"
          class="button is-icon is-round is-main"
          aria-label={words.send}
          disabled={!text.trim()}
        >
          <ArrowUpIcon />
        </button>
      )}
    </form>
  );
}
