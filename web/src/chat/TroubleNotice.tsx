import { AlertIcon, CloseIcon } from "../look/icons";
import { useWords } from "../words";
import { wordsOf } from "../words/errors";
import type { OnBusy, Trouble } from "./model/trouble";

interface Props {
  readonly trouble: Trouble;
  readonly onAgain: (onBusy: OnBusy) => void;
  readonly onDismiss: () => void;
}

/** A request that was refused: why, and what can be done instead. */
export function TroubleNotice({ trouble, onAgain, onDismiss }: Props) {
  const words = useWords();
  const offers: readonly [OnBusy, string][] =
    trouble.code === "thread_busy"
      ? [
          ["enqueue", words.offerEnqueue],
          ["interrupt", words.offerInterrupt],
        ]
      : trouble.code === "thread_interrupted"
        ? [["rollback", words.offerWithdraw]]
        : [];
  return (
    <div class="alert" role="alert">
      <AlertIcon />
      <div class="alert-text">
        <p>{wordsOf(words, trouble.code) ?? words.errOther}</p>
        <p class="note" dir="auto">
          <code>{trouble.code}</code> {trouble.field && <b>{trouble.field}</b>} {trouble.message}
        </p>
        {trouble.again && offers.length > 0 && (
          <div class="alert-actions">
            {offers.map(([onBusy, name]) => (
              <button key={onBusy} type="button" class="button" onClick={() => onAgain(onBusy)}>
                {name}
              </button>
            ))}
          </div>
        )}
      </div>
      <button
        type="button"
        class="button is-quiet is-icon"
        aria-label={words.dismiss}
        title={words.dismiss}
        onClick={onDismiss}
      >
        <CloseIcon />
      </button>
    </div>
  );
}
