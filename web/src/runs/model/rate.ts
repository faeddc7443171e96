/** Tokens a second, made of two readings of a counter. */
import type { Live } from "../../server/runs";

/** Returns the rate between two readings; null if it can't be known: there is one, or the process is another. */
export function tokensPerSecond(before: Live | null, now: Live): number | null {
  if (before === null || before.started_at !== now.started_at) return null;
  const seconds = (Date.parse(now.now) - Date.parse(before.now)) / 1_000;
  if (!(seconds > 0) || now.tokens < before.tokens) return null;
  return (now.tokens - before.tokens) / seconds;
}

/** Whether the process has done something in between. */
export function hasMoved(before: Live | null, now: Live): boolean {
  return (
    before === null ||
    before.started_at !== now.started_at ||
    before.tokens !== now.tokens ||
    before.runs.running !== now.runs.running ||
    before.runs.pending !== now.runs.pending
  );
}
