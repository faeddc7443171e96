/** A text of a model's. */
export function Prose({ text }: { text: string; isLive: boolean }) {
  return (
    <div class="prose" dir="auto">
      {text}
    </div>
  );
}
