import type { ComponentChild } from "preact";
import { ArrowDownIcon } from "../look/icons";
import { useWords } from "../words";
import type { Shown } from "./shown";
import { TurnView } from "./TurnView";
import { useScroll } from "./use-scroll";
import { useStillness } from "./use-stillness";

interface Props {
  readonly shown: Shown;
  /** Grows with each question asked here: the reader wants to see its answer. */
  readonly asked: number;
  readonly onEarlier: () => Promise<void>;
  readonly welcome: ComponentChild;
}

/** The conversation, scrolled to its end for as long as the reader is there. */
export function Turns({ shown, asked, onEarlier, welcome }: Props) {
  const words = useWords();
  const scroll = useScroll(shown.threadId, shown.turns, asked, shown.hasEarlier, onEarlier);
  useStillness(scroll.frame, shown.turns);
  const last = shown.turns.length - 1;
  return (
    <div class="turns-frame">
      <div class="turns" ref={scroll.frame} onScroll={scroll.onScroll} tabIndex={-1}>
        <div ref={scroll.content} class="turns-content">
          {shown.hasEarlier && (
            <p class="turns-earlier" ref={scroll.top}>
              <button type="button" class="button is-quiet" onClick={() => void onEarlier()}>
                {words.earlier}
              </button>
            </p>
          )}
          {shown.turns.length === 0 && shown.phase === "idle" && !shown.trouble && welcome}
          {shown.phase === "loading" && <Skeleton />}
          {shown.turns.map((turn, index) => (
            <TurnView
              key={turn.key}
              turn={turn}
              variants={shown.variants.get(turn.question?.id ?? "")}
              phase={index === last ? shown.phase : "idle"}
              isLast={index === last}
              isIdle={shown.phase === "idle"}
              isResumable={index === last && shown.resumable !== null}
            />
          ))}
        </div>
      </div>
      <button
        type="button"
        class="button is-icon is-round to-latest"
        aria-label={words.toLatest}
        title={words.toLatest}
        hidden={scroll.isAtEnd}
        onClick={scroll.toEnd}
      >
        <ArrowDownIcon />
      </button>
    </div>
  );
}

/** Where the messages will be. */
function Skeleton() {
  return (
    <div class="skeleton" aria-hidden="true">
      <span />
      <span />
      <span />
    </div>
  );
}
