import type { Time } from "./model/blocks";

/** Returns how long something took, in seconds as people read them; null if that wasn't seen. */
export function secondsOf(time: Time): string | null {
  return time.from === null || time.to === null ? null : seconds(time.to - time.from);
}

export function seconds(ms: number): string {
  return ms < 9_950 ? (ms / 1_000).toFixed(1) : String(Math.round(ms / 1_000));
}
