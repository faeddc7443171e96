/** When each event of a run was emitted, and how fast they are replayed. Times are milliseconds. */

const APART_MS = 50; // events whose times aren't known

export interface Times {
  /** Of each event, after the run was created; they never decrease. */
  readonly at: readonly number[];
  /** Whether some of them weren't kept: those are spaced evenly. */
  readonly isGuessed: boolean;
}

/** Returns the times of events; one that isn't known lies evenly between those around it. */
export function timesOf(known: readonly (number | null)[]): Times {
  const at: number[] = [];
  let unknown = 0;
  const space = (to: number) => {
    const start = at.at(-1) ?? 0;
    for (let place = 1; place <= unknown; place++) at.push(start + ((to - start) * place) / (unknown + 1));
    unknown = 0;
  };
  for (const time of known) {
    if (time === null) {
      unknown++;
      continue;
    }
    const next = Math.max(time, at.at(-1) ?? 0);
    space(next);
    at.push(next);
  }
  space((at.at(-1) ?? 0) + (unknown + 1) * APART_MS);
  return { at, isGuessed: known.includes(null) };
}

/** Returns how many events there are up to a time: the index of the first one after it. */
export function countAt(at: readonly number[], ms: number): number {
  let [low, high] = [0, at.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((at[middle] ?? 0) <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The time of a replay: as the run's own, but a silence lasts no longer than a second. */
export class Pace {
  static readonly LONGEST_MS = 1_000;
  /** The replay's time of each event. */
  private readonly played: readonly number[];
  /** Whether there is a silence that is shortened. */
  readonly isShortened: boolean;

  constructor(private readonly at: readonly number[]) {
    let [total, before, isShortened] = [0, 0, false];
    this.played = at.map((time) => {
      const gap = time - before;
      isShortened ||= gap > Pace.LONGEST_MS;
      total += Math.min(gap, Pace.LONGEST_MS);
      before = time;
      return total;
    });
    this.isShortened = isShortened;
  }

  get lengthMs(): number {
    return this.played.at(-1) ?? 0;
  }

  /** Returns the replay's time of a moment of the run. */
  replayOf(ms: number): number {
    return mapped(ms, this.at, this.played);
  }

  /** Returns the moment of the run that is shown at a time of the replay. */
  momentOf(replayMs: number): number {
    return mapped(replayMs, this.played, this.at);
  }
}

/** Returns the place in `to` of a place in `from`: between two of them, as far from each as it is in `from`. */
function mapped(place: number, from: readonly number[], to: readonly number[]): number {
  const next = countAt(from, place);
  const [low, high] = [from[next - 1] ?? 0, from[next]];
  const start = to[next - 1] ?? 0;
  if (high === undefined) return start;
  return start + (((to[next] ?? start) - start) * (place - low)) / (high - low);
}

/** Returns where the marks of an axis are: some five, at round times. */
export function ticksOf(totalMs: number, most = 6): readonly number[] {
  if (totalMs <= 0) return [0];
  const least = totalMs / most;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least) ?? least;
  return Array.from({ length: Math.floor(totalMs / step) + 1 }, (_, place) => place * step);
}
