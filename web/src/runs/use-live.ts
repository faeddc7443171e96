import { SeltzerError } from "@seltzer/client";
import { useRef, useState } from "preact/hooks";
import { getLive, type Live } from "../server/runs";
import { hasMoved, tokensPerSecond } from "./model/rate";
import { usePoll } from "./use-poll";

const EVERY_MS = 2_000;

/** The counters of the server's process, as they were counted last. */
export interface Counters {
  readonly live: Live | null;
  /** Tokens a second; null: that isn't known yet. */
  readonly rate: number | null;
  /** Whether the server didn't answer when it was asked again. */
  readonly isGone: boolean;
  /** Grows whenever the process has done something. */
  readonly moves: number;
  /** By how much the server's clock is ahead of this one. */
  readonly aheadMs: number;
}

const NOTHING: Counters = { live: null, rate: null, isGone: false, moves: 0, aheadMs: 0 };

/** Returns the counters, every two seconds while the page is visible. */
export function useLive(): Counters {
  const [counters, setCounters] = useState(NOTHING);
  const before = useRef<Live | null>(null);
  usePoll(async (signal) => {
    try {
      const live = await getLive(signal);
      const [rate, moved] = [tokensPerSecond(before.current, live), hasMoved(before.current, live)];
      before.current = live;
      const aheadMs = Date.parse(live.now) - Date.now();
      setCounters(({ moves }) => ({ live, rate, isGone: false, moves: moves + Number(moved), aheadMs }));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof SeltzerError)) throw error;
      setCounters((known) => ({ ...known, isGone: true }));
    }
  }, EVERY_MS);
  return counters;
}
