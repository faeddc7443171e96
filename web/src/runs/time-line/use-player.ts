import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { countAt, Pace } from "../model/times";

export const SPEEDS = [1, 2, 4] as const;
export type Speed = (typeof SPEEDS)[number];

const LONGEST_FRAME_MS = 250; // a tab that was hidden continues where it was

/** Where a reader is in a run, and what moves them. */
export interface Player {
  /** How many events have happened. */
  readonly count: number;
  readonly ms: number;
  readonly isAtEnd: boolean;
  readonly isPlaying: boolean;
  readonly speed: Speed;
  readonly isShortened: boolean;
  /** Grows whenever the reader has chosen another moment. */
  readonly seeks: number;
  readonly seek: (count: number) => void;
  readonly seekTime: (ms: number) => void;
  readonly toggle: () => void;
  readonly setSpeed: (speed: Speed) => void;
}

/** at: when each event was emitted. The reader begins at the end, and stays there while a run goes on. */
export function usePlayer(at: readonly number[]): Player {
  const [moment, setMoment] = useState<{ count: number; ms: number } | null>(null); // null: the end
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<Speed>(1);
  const [seeks, setSeeks] = useState(0);
  const pace = useMemo(() => new Pace(at), [at]);
  const end = at.at(-1) ?? 0;
  const { count, ms } = moment ?? { count: at.length, ms: end };

  const place = useRef(ms);
  place.current = ms;
  useEffect(() => {
    if (!isPlaying) return;
    let replayMs = pace.replayOf(place.current);
    let before = performance.now();
    let frame = requestAnimationFrame(function play(now) {
      replayMs += Math.min(LONGEST_FRAME_MS, Math.max(0, now - before)) * speed;
      before = now;
      if (replayMs >= pace.lengthMs) {
        setMoment(null);
        setPlaying(false);
        return;
      }
      const next = pace.momentOf(replayMs);
      setMoment({ count: countAt(at, next), ms: next });
      frame = requestAnimationFrame(play);
    });
    return () => cancelAnimationFrame(frame);
  }, [isPlaying, speed, pace]);

  const go = (next: { count: number; ms: number } | null) => {
    setPlaying(false);
    setSeeks((before) => before + 1);
    setMoment(next);
  };
  const seek = (next: number) => {
    const chosen = Math.max(0, Math.min(next, at.length));
    go(chosen === at.length ? null : { count: chosen, ms: chosen === 0 ? 0 : (at[chosen - 1] ?? 0) });
  };
  return {
    count,
    ms,
    isAtEnd: moment === null,
    isPlaying,
    speed,
    isShortened: pace.isShortened,
    seeks,
    seek,
    seekTime: (next) => {
      const chosen = Math.max(0, next);
      go(chosen >= end ? null : { count: countAt(at, chosen), ms: chosen });
    },
    toggle: () => {
      if (!isPlaying && moment === null) setMoment({ count: 0, ms: 0 });
      setPlaying(!isPlaying);
    },
    setSpeed,
  };
}
