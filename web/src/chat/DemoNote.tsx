import { useWords } from "../words";

/** Says that no real model answers, and how to have one. */
export function DemoNote() {
  const words = useWords();
  return (
    <p class="demo">
      {words.demoModel} {words.demoHow}
    </p>
  );
}
