import { useRef } from "preact/hooks";
import type { AnyEvent } from "../../state";
import { useWords } from "../../words";
import { momentOf } from "../model/format";
import { percent } from "./TimeLine";
import type { Player } from "./use-player";

interface Props {
  readonly player: Player;
  readonly events: readonly AnyEvent[];
  readonly totalMs: number;
}

/** The moment that is shown: moved by mouse, touch and keyboard, over all lanes. */
export function Scrubber({ player, events, totalMs }: Props) {
  const words = useWords();
  const track = useRef<HTMLDivElement>(null);
  const count = events.length;
  const kind = events[player.count - 1]?.kind ?? "";
  const seekTo = (event: PointerEvent) => {
    const box = track.current?.getBoundingClientRect();
    if (!box || box.width === 0) return;
    const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    if (totalMs > 0) player.seekTime(share * totalMs);
    else player.seek(Math.round(share * count));
  };
  const press = (event: KeyboardEvent) => {
    const to = placeOf(event.key, player.count, count);
    if (to === null && event.key !== " ") return;
    event.preventDefault();
    if (to === null) player.toggle();
    else player.seek(to);
  };
  return (
    <div
      ref={track}
      class="scrubber"
      role="slider"
      tabIndex={0}
      aria-label={words.position}
      aria-valuemin={0}
      aria-valuemax={count}
      aria-valuenow={player.count}
      aria-valuetext={words.positionOf(player.count, count, momentOf(player.ms), kind)}
      onKeyDown={press}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        seekTo(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) seekTo(event);
      }}
    >
      <span
        class="playhead"
        style={{ left: totalMs > 0 ? percent(player.ms, totalMs) : percent(player.count, count) }}
      />
    </div>
  );
}

/** Returns which event a key goes to; null of any other key. */
function placeOf(key: string, place: number, count: number): number | null {
  const page = Math.max(10, Math.round(count / 20));
  switch (key) {
    case "ArrowRight":
    case "ArrowUp":
      return place + 1;
    case "ArrowLeft":
    case "ArrowDown":
      return place - 1;
    case "PageUp":
      return place + page;
    case "PageDown":
      return place - page;
    case "Home":
      return 0;
    case "End":
      return count;
    default:
      return null;
  }
}
