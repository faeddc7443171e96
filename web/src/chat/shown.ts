/** What a conversation shows. */
import type { RunStart } from "@seltzer/client";
import type { Question, Turn } from "./model/turn";
import type { Trouble } from "./model/trouble";
import type { Variants } from "./model/variants";

export type Phase = "idle" | "loading" | "sending" | "waiting" | "answering" | "stopping";

/** What is shown. */
export interface Shown {
  readonly threadId: string | null;
  readonly title: string;
  readonly turns: readonly Turn[];
  readonly phase: Phase;
  readonly trouble: Trouble | null;
  /** What was asked and isn't on the thread: it goes back to where it was written. */
  readonly unsent: Question | null;
  /** Whether the thread has earlier messages than those shown. */
  readonly hasEarlier: boolean;
  readonly variants: ReadonlyMap<string, Variants>;
  /** From which the graph can continue without a new input; null: from nowhere. */
  readonly resumable: string | null;
  /** Grows when a run has ended: the lists of threads and runs have changed. */
  readonly ended: number;
}

/** What a run is started with, besides its input: the graph's context and configurable values. */
export type Extras = Pick<RunStart, "context" | "config">;

export const NOTHING: Shown = {
  threadId: null,
  title: "",
  turns: [],
  phase: "idle",
  trouble: null,
  unsent: null,
  hasEarlier: false,
  variants: new Map(),
  resumable: null,
  ended: 0,
};

/** What shows something, and calls a listener at each change of it. */
export class Showing {
  protected shownNow: Shown = NOTHING;
  private listener: () => void = () => undefined;

  get shown(): Shown {
    return this.shownNow;
  }

  watch(listener: () => void): void {
    this.listener = listener;
  }

  protected show(change: Partial<Shown>): void {
    this.shownNow = { ...this.shownNow, ...change };
    this.listener();
  }
}
