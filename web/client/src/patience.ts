/** How long to wait before another try, and when to give up. */

const FIRST_MS = 100;
const LONGEST_MS = 2_000;

/**
 * Exponential backoff with jitter: 0.1 s, doubled each time up to 2 s, minus a random half at most.
 *
 * Gives up limitMs after the first of consecutive failures.
 */
export class Patience {
  #sinceMs: number | undefined;
  #tries = 0;

  constructor(
    readonly limitMs: number,
    readonly now: () => number = Date.now,
    readonly chance: () => number = Math.random,
  ) {}

  /** Whether there was a failure and no success since. */
  get isTried(): boolean {
    return this.#tries > 0;
  }

  succeeded(): void {
    this.#sinceMs = undefined;
    this.#tries = 0;
  }

  /** Return how long to wait after a failure, at least leastMs; undefined to give up. */
  waitMs(leastMs = 0): number | undefined {
    this.#sinceMs ??= this.now();
    const restMs = this.#sinceMs + this.limitMs - this.now();
    if (restMs <= 0) return undefined;
    const waitMs = Math.min(FIRST_MS * 2 ** this.#tries++, LONGEST_MS) * (1 - this.chance() / 2);
    return Math.min(Math.max(waitMs, leastMs * (1 + this.chance() / 4)), restMs);
  }
}

/** Wait; a browser that is online again ends it early. Throws the signal's reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", end);
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    globalThis.addEventListener?.("online", end);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}
