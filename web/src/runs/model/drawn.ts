/** Lanes -> what is drawn of them: never more shapes than can be seen. */
import type { Lane, Span } from "./lanes";

const FINEST = 1 / 600; // of the whole width

/** Returns a lane's spans; those too short and too close to be told apart are one. */
export function thinned(spans: readonly Span[], totalMs: number): readonly Span[] {
  const least = totalMs * FINEST;
  const made: Span[] = [];
  for (const span of spans) {
    const at = made.findLastIndex((each) => each.kind === span.kind);
    const last = made[at];
    const isOne =
      last !== undefined &&
      last.status === span.status &&
      span.to - span.from < least &&
      last.to - last.from < least &&
      Math.abs(span.from - last.to) < least;
    if (isOne) made[at] = { ...last, to: Math.max(last.to, span.to) };
    else made.push(span);
  }
  return made;
}

/** Returns how many of the times are in each of `count` equal parts of the whole. */
export function density(times: readonly number[], totalMs: number, count: number): readonly number[] {
  const bins = new Array<number>(count).fill(0);
  for (const time of times) {
    const bin = totalMs > 0 ? Math.min(count - 1, Math.floor((time / totalMs) * count)) : 0;
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return bins;
}

/** Returns the most that any part of any lane has. */
export function densest(lanes: readonly Lane[], totalMs: number, count: number): number {
  return Math.max(0, ...lanes.map((lane) => Math.max(...density(lane.tokens, totalMs, count))));
}

/** Returns an SVG path of bars from the bottom up, on a drawing of count x 1. */
export function barsOf(bins: readonly number[], most: number): string {
  return bins
    .map((each, at) => (each === 0 || most === 0 ? "" : `M${at} 1V${round(1 - heightOf(each, most))}h1V1Z`))
    .join("");
}

/** One token is seen beside many. */
const heightOf = (count: number, most: number): number => 0.2 + 0.8 * Math.sqrt(count / most);
const round = (value: number): number => Math.round(value * 1000) / 1000;
