/** What is known of a run: `reduce` adds an event to it. */
import type { EventData, Interrupt, Json, RunEvent, Usage } from "@seltzer/client";
import type { Item } from "./items";

export type RunStatus = "queued" | "running" | "finished" | "interrupted" | "cancelled" | "failed";

/** A run so far. Times are in milliseconds since 1970, null where they aren't known. */
export interface Run {
  readonly runId: string;
  readonly threadId: string;
  readonly graph: string;
  readonly status: RunStatus;
  /** The number of the attempt: above 1, an earlier one was given up, and what it had written. */
  readonly attempt: number;
  /** The last event that was added, by its number and as a cursor: one that isn't after it changes nothing. */
  readonly seq: number;
  readonly cursor: string;
  readonly items: readonly Item[];
  /** What its turn had before the run: an earlier run's items, whose question this one answers. */
  readonly before: readonly Item[];
  /** The id of the question of the turn before its own; empty if that isn't known. */
  readonly previous: string;
  /** The graph's questions, which wait for an answer once it is `interrupted`. */
  readonly interrupts: readonly Interrupt[];
  readonly error: EventData["failed"] | null;
  readonly usage: Usage | null;
  readonly durationMs: number | null;
  readonly startedAt: number | null;
  readonly firstTokenAt: number | null;
  readonly endedAt: number | null;
}

/** An event of a kind that may be newer than the page. */
export interface AnyEvent {
  readonly id: string;
  readonly attempt: number;
  readonly seq: number;
  readonly kind: string;
  readonly data: Json;
}

export type KnownEvent = RunEvent;

/** A run of which nothing has been read. */
export const QUEUED: Run = {
  runId: "",
  threadId: "",
  graph: "",
  status: "queued",
  attempt: 0,
  seq: 0,
  cursor: "",
  items: [],
  before: [],
  previous: "",
  interrupts: [],
  error: null,
  usage: null,
  durationMs: null,
  startedAt: null,
  firstTokenAt: null,
  endedAt: null,
};

/** Returns a run of which nothing has been read, and which continues a turn. */
export function continuing(before: readonly Item[], previous = ""): Run {
  return { ...QUEUED, before, items: before, previous };
}

export const isOver = (run: Run): boolean => run.status !== "queued" && run.status !== "running";
