import { useMemo } from "preact/hooks";
import { PauseIcon, PlayIcon } from "../../look/icons";
import type { AnyEvent } from "../../state";
import { useWords } from "../../words";
import { LaneRow } from "./LaneRow";
import { densest } from "../model/drawn";
import { momentOf } from "../model/format";
import type { Lanes } from "../model/lanes";
import { ticksOf, type Times } from "../model/times";
import { Scrubber } from "./Scrubber";
import { SPEEDS, type Player } from "./use-player";

interface Props {
  readonly lanes: Lanes;
  readonly times: Times;
  readonly events: readonly AnyEvent[];
  readonly player: Player;
  readonly isLive: boolean;
}

export const BINS = 120;

/** What ran when, and where the reader is in it. */
export function TimeLine({ lanes, times, events, player, isLive }: Props) {
  const words = useWords();
  const { totalMs } = lanes;
  const most = useMemo(() => densest(lanes.lanes, totalMs, BINS), [lanes]);
  return (
    <section class="time-line" aria-label={words.timeLine}>
      <Controls player={player} events={events} isLive={isLive} />
      <div class="time-line-body" dir="ltr">
        <Axis totalMs={totalMs} attempts={lanes.attempts} />
        {lanes.lanes.map((lane) => (
          <LaneRow key={lane.key} lane={lane} totalMs={totalMs} most={most} />
        ))}
        <Scrubber player={player} events={events} totalMs={totalMs} />
      </div>
      {times.isGuessed && <p class="note">{words.guessedTimes}</p>}
      {player.isShortened && <p class="note">{words.silencesShortened}</p>}
    </section>
  );
}

function Controls({
  player,
  events,
  isLive,
}: {
  player: Player;
  events: readonly AnyEvent[];
  isLive: boolean;
}) {
  const words = useWords();
  const name = player.isPlaying ? words.pause : words.play;
  const kind = events[player.count - 1]?.kind ?? "";
  return (
    <div class="time-line-controls">
      <button
        type="button"
        class="button is-icon is-round is-main"
        aria-label={name}
        title={name}
        onClick={player.toggle}
      >
        {player.isPlaying ? <PauseIcon /> : <PlayIcon />}
      </button>
      <div class="segments" role="group" aria-label={words.speed}>
        {SPEEDS.map((speed) => (
          <button
            key={speed}
            type="button"
            class="segment"
            aria-pressed={player.speed === speed}
            onClick={() => player.setSpeed(speed)}
          >
            {words.speedOf(speed)}
          </button>
        ))}
      </div>
      <p class="time-line-moment">
        <b>{words.atTime(momentOf(player.ms))}</b>
        <span class="note">
          {player.count} / {events.length}
        </span>
        {kind && <code class="event-kind">{kind}</code>}
      </p>
      {isLive && (
        <button
          type="button"
          class="time-line-live"
          aria-pressed={player.isAtEnd}
          onClick={() => player.seek(events.length)}
        >
          {player.isAtEnd ? words.following : words.follow}
        </button>
      )}
    </div>
  );
}

function Axis({ totalMs, attempts }: { totalMs: number; attempts: Lanes["attempts"] }) {
  const words = useWords();
  const ticks = ticksOf(totalMs);
  const step = ticks[1] ?? totalMs;
  return (
    <div class="lane is-axis">
      <span class="lane-name" />
      <div class="lane-track">
        {ticks.map((ms) => (
          <span key={ms} class="tick" style={{ left: percent(ms, totalMs) }}>
            {tickText(ms, step)}
          </span>
        ))}
        {attempts.map(({ attempt, at }) => (
          <span key={attempt} class="attempt-mark" style={{ left: percent(at, totalMs) }}>
            {words.attemptMark(attempt)}
          </span>
        ))}
      </div>
    </div>
  );
}

function tickText(ms: number, step: number): string {
  if (ms === 0) return "0";
  return step < 1_000 && ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 10) / 100} s`;
}

/** Returns a place on the time line; everything is at its end where no time has passed. */
export function percent(ms: number, totalMs: number): string {
  return `${totalMs > 0 ? Math.min(100, (100 * ms) / totalMs) : 100}%`;
}
