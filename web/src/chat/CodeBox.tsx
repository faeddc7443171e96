import { useState } from "preact/hooks";
import { useWords } from "../words";
import { CopyButton } from "./CopyButton";

const SHOWN_CHARS = 4_000;

/** A text as it is, with a name and a button that copies it; of a long one, its beginning. */
export function CodeBox({ label, text }: { label: string; text: string }) {
  const words = useWords();
  const [isWhole, setWhole] = useState(false);
  if (!text) return null;
  const isLong = text.length > SHOWN_CHARS && !isWhole;
  return (
    <div class="code-box">
      <div class="code-box-head">
        <span dir="auto">{label}</span>
        <CopyButton text={text} label={words.copy} />
      </div>
      <pre class="code-box-text" dir="auto" tabIndex={0}>
        {isLong ? text.slice(0, SHOWN_CHARS) : text}
      </pre>
      {isLong && (
        <button type="button" class="button is-quiet" onClick={() => setWhole(true)}>
          {words.showAll}
        </button>
      )}
    </div>
  );
}
