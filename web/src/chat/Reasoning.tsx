import { ThoughtIcon } from "../look/icons";
import { useWords } from "../words";
import { Fold } from "./Fold";
import type { ReasoningBlock } from "./model/blocks";
import { secondsOf } from "./time";

/** What the model has thought: folded, with the time it took. */
export function Reasoning({ block, isLive }: { block: ReasoningBlock; isLive: boolean }) {
  const words = useWords();
  const seconds = secondsOf(block.time);
  const title = isLive ? words.thinking : seconds === null ? words.thought : words.thoughtFor(seconds);
  return (
    <Fold icon={<ThoughtIcon />} title={title} isRunning={isLive}>
      <div class="fold-text" dir="auto">
        {block.text}
      </div>
    </Fold>
  );
}
