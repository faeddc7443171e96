import { AlertIcon } from "../look/icons";
import { useWords } from "../words";
import { useChat } from "./actions";
import type { Turn } from "./model/turn";
import { wordsOf } from "../words/errors";

interface Props {
  readonly turn: Turn;
  readonly isResumable: boolean;
  readonly isIdle: boolean;
  readonly isLast: boolean;
}

/** How a turn has ended, if not with an answer, and what can be done about it. */
export function TurnEnd({ turn, isResumable, isIdle, isLast }: Props) {
  const words = useWords();
  const { conversation } = useChat();
  if (turn.ending === "cancelled") return <p class="note turn-note">{words.stopped}</p>;
  if (turn.ending !== "failed" || turn.failure === null) return null;
  const { code, message, retryAfterS } = turn.failure;
  return (
    <div class="alert">
      <AlertIcon />
      <div class="alert-text">
        <p>{wordsOf(words, code) ?? words.errOther}</p>
        <p class="note" dir="auto">
          <code>{code}</code> {message}
        </p>
        {retryAfterS !== null && <p class="note">{words.retryAfter(Math.ceil(retryAfterS))}</p>}
        {isLast && (
          <div class="alert-actions">
            {isResumable && (
              <button
                type="button"
                class="button"
                disabled={!isIdle}
                onClick={() => conversation.resume()}
                title={words.continueHint}
              >
                {words.continueRun}
              </button>
            )}
            <button type="button" class="button" disabled={!isIdle} onClick={() => conversation.again(turn)}>
              {words.tryAgain}
            </button>
          </div>
        )}
      </div>
    </div>
  );
}
