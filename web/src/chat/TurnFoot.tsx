import { RetryIcon } from "../look/icons";
import { useWords } from "../words";
import { useChat } from "./actions";
import { CopyButton } from "./CopyButton";
import { answerOf, type Turn } from "./model/turn";
import { seconds } from "./time";

/** What can be done with an answer, and what it has cost. */
export function TurnFoot({ turn, isIdle, isLast }: { turn: Turn; isIdle: boolean; isLast: boolean }) {
  const words = useWords();
  const { conversation, graph } = useChat();
  const text = answerOf(turn)?.text;
  return (
    <div class="actions turn-foot" data-last={isLast}>
      {text && <CopyButton text={text} label={words.copyAnswer} />}
      {graph.takes_messages && turn.question && (
        <button
          type="button"
          class="button is-quiet is-icon"
          aria-label={words.answerAgain}
          title={words.answerAgain}
          disabled={!isIdle}
          onClick={() => conversation.again(turn)}
        >
          <RetryIcon />
        </button>
      )}
      <Cost turn={turn} />
    </div>
  );
}

function Cost({ turn }: { turn: Turn }) {
  const words = useWords();
  const parts = [
    turn.durationMs === null ? "" : words.tookSeconds(seconds(turn.durationMs)),
    turn.usage === null ? "" : words.tokens(turn.usage.total_tokens),
  ].filter(Boolean);
  return parts.length === 0 ? null : <span class="turn-cost">{parts.join(" · ")}</span>;
}
