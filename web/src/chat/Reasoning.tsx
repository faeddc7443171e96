import { ThoughtIcon } from "../look/icons";
import type { AiMessage } from "../state";
import { useWords } from "../words";
import { Fold } from "./Fold";
import { secondsBetween } from "./time";

/** What the model has thought: folded, with the time it took. */
export function Reasoning({ message, isOpen }: { message: AiMessage; isOpen: boolean }) {
  const words = useWords();
  const isThinking = isOpen && !message.text && message.calls.length === 0;
  const seconds = secondsBetween(message.thinksFrom, message.thinksTo);
  const title = isThinking ? words.thinking : seconds === null ? words.thought : words.thoughtFor(seconds);
  return (
    <Fold icon={<ThoughtIcon />} title={title} isRunning={isThinking}>
      <div class="fold-text" dir="auto">
        {message.reasoning}
      </div>
    </Fold>
  );
}
