import type { Words } from "../words";
import type { Shown } from "./shown";

/** Returns what a screen reader says of the answer's progress: not its tokens, they would never let it finish. */
export function announcement(words: Words, shown: Shown): string {
  switch (shown.phase) {
    case "loading":
      return words.loading;
    case "sending":
    case "answering":
      return words.answering;
    case "waiting":
      return words.waitingForTurn;
    case "stopping":
      return words.stopping;
    case "idle":
      return ending(words, shown);
  }
}

function ending(words: Words, shown: Shown): string {
  if (shown.ended === 0) return ""; // nothing has ended since the thread was opened
  switch (shown.turns.at(-1)?.ending) {
    case "finished":
      return words.answered;
    case "cancelled":
      return words.stopped;
    case "interrupted":
      return words.asksYou;
    case "failed":
      return words.answerFailed;
    default:
      return "";
  }
}
