/** A run's events with their times, and the run as it was after any of them. */
import { reduce } from "./reduce";
import { QUEUED, type AnyEvent, type Run } from "./run";

export interface Entry {
  readonly event: AnyEvent;
  /** When it was emitted, or read: milliseconds since 1970, null if that isn't known. */
  readonly at: number | null;
}

const EVERY = 256;

/** The time line of one run: events are added at its end, and looked at anywhere. */
export class Timeline {
  private readonly list: Entry[] = [];
  /** The run before each EVERYth event: looking back costs no more than reading that many. */
  private readonly kept: Run[] = [QUEUED];
  private newest = QUEUED;

  get entries(): readonly Entry[] {
    return this.list;
  }

  get run(): Run {
    return this.newest;
  }

  /** Adds an event; one that is there already adds nothing. Returns the run with it. */
  add(event: AnyEvent, at: number | null = null): Run {
    const next = reduce(this.newest, event, at);
    if (next === this.newest) return next;
    this.list.push({ event, at });
    if (this.list.length % EVERY === 0) this.kept.push(next);
    this.newest = next;
    return next;
  }

  /** Returns the run as it was after its first `count` events. */
  at(count: number): Run {
    const place = Math.max(0, Math.min(count, this.list.length));
    const from = Math.floor(place / EVERY);
    const before = this.kept[from] ?? QUEUED;
    return stateAt(this.list.slice(from * EVERY, place), place - from * EVERY, before);
  }
}

/** Returns the run after the first `count` events of a log. */
export function stateAt(log: readonly Entry[], count: number, from: Run = QUEUED): Run {
  return log.slice(0, Math.max(0, count)).reduce((run, { event, at }) => reduce(run, event, at), from);
}
