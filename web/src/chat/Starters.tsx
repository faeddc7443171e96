import { useWords } from "../words";

/** Questions that the demo model can answer, in each of the page's languages. */
export function Starters({ onAsk }: { onAsk: (question: string) => void }) {
  const words = useWords();
  return (
    <ul class="starters" aria-label={words.starters}>
      {[words.starterSum, words.starterThink, words.starterLong].map((question) => (
        <li key={question}>
          <button type="button" class="button" onClick={() => onAsk(question)}>
            {question}
          </button>
        </li>
      ))}
    </ul>
  );
}
