import { Markdown } from "../markdown";

/** A text of a model's. */
export function Prose({ text, isLive }: { text: string; isLive: boolean }) {
  return (
    <div class="prose" dir="auto">
      <Markdown text={text} isLive={isLive} />
    </div>
  );
}
