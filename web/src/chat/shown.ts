/** What a conversation shows. */
import type { RunStart } from "@seltzer/client";
import type { Turn } from "./model/turn";
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
  hasEarlier: false,
  variants: new Map(),
  resumable: null,
  ended: 0,
};
