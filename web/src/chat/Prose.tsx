import { useState } from "preact/hooks";
import { Markdown } from "../markdown";
import { useWords } from "../words";

/** A longer text is shown in parts: laid out as a whole, it would make the page slow. */
const PART_CHARS = 400_000;

/** A text of a model's. */
export function Prose({ text, isLive }: { text: string; isLive: boolean }) {
  const words = useWords();
  const [limit, setLimit] = useState(PART_CHARS);
  const isWhole = text.length <= limit;
  return (
    <div class="prose" dir="auto">
      <Markdown text={isWhole ? text : shortened(text, limit)} isLive={isLive && isWhole} />
      {!isWhole && (
        <p class="prose-rest">
          <span class="note">{words.shortened(Math.round((limit / text.length) * 100))}</span>
          <button type="button" class="button" onClick={() => setLimit(limit + PART_CHARS)}>
            {words.showMore}
          </button>
        </p>
      )}
    </div>
  );
}

/** Returns the text up to the last line that ends before the limit, if one does soon before it. */
function shortened(text: string, limit: number): string {
  const end = text.lastIndexOf("\n", limit);
  return text.slice(0, end > limit / 2 ? end : limit);
}
