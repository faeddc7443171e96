/** Returns how long something took, in seconds as people read them; null if that wasn't seen. */
export function secondsBetween(from: number | null, to: number | null): string | null {
  return from === null || to === null ? null : seconds(to - from);
}

export function seconds(ms: number): string {
  if (ms < 50) return "<0.1";
  return ms < 9_950 ? (ms / 1_000).toFixed(1) : String(Math.round(ms / 1_000));
}
