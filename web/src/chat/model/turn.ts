/** A question, and what came of it: a turn of the thread, with the run that has written the newest of it. */
import type { Interrupt, Usage } from "@seltzer/client";
import {
  answerAmong,
  continuing,
  isOver,
  merged,
  textOf,
  filesOf,
  type AiMessage,
  type Attached,
  type Item,
  type Run,
  type Turn as StateTurn,
} from "../../state";

export type Ending = "finished" | "failed" | "cancelled" | "interrupted";

/** Why a run has failed. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly retryAfterS: number | null;
}

/** What was asked: a message, or the input of a graph that isn't on messages. */
export interface Question {
  /** The message's id in the thread, once it is there. */
  readonly id: string | null;
  readonly text: string;
  readonly files: readonly Attached[];
  /** The message's content, or the input. */
  readonly input: unknown;
}

export interface Turn {
  readonly key: string;
  readonly question: Question | null;
  readonly items: readonly Item[];
  /** null: the run goes on. */
  readonly ending: Ending | null;
  readonly failure: Failure | null;
  readonly interrupts: readonly Interrupt[];
  /** The run that wrote the newest of it; null of turns that were read from the thread. */
  readonly runId: string | null;
  readonly usage: Usage | null;
  readonly durationMs: number | null;
  /** What the run of a graph without messages has returned; null: nothing that isn't in the items. */
  readonly output: unknown;
  /** What of its runs' work is in it: what the thread has of it, some of their events, or all. */
  readonly detail: "stored" | "some" | "all";
  /** How often a process has begun the run; above 1 it was taken over. */
  readonly attempt: number;
}

export const EMPTY_TURN: Turn = {
  key: "",
  question: null,
  items: [],
  ending: "finished",
  failure: null,
  interrupts: [],
  runId: null,
  usage: null,
  durationMs: null,
  output: null,
  detail: "stored",
  attempt: 1,
};

/** Returns a turn of a thread's messages. */
export function storedTurn({ id, content, items }: StateTurn): Turn {
  const question =
    content === null
      ? null
      : { id: id || null, text: textOf(content), files: filesOf(content), input: content };
  return { ...EMPTY_TURN, key: id || "turn", question, items };
}

/** Returns what tells a turn from the others: its message, or its newest run where there are no messages. */
export const placeOf = (turn: Turn): string => turn.question?.id ?? turn.runId ?? "";

/** Returns a run of which nothing has been read yet, and which continues the turn. */
export function runOf(turn: Turn, previous: Turn | undefined): Run {
  return continuing(turn.items, previous?.question?.id ?? "");
}

/** Returns the turn as the run has it. */
export function withRun(turn: Turn, run: Run): Turn {
  const { items, interrupts, usage, durationMs, error } = run;
  return {
    ...turn,
    items,
    interrupts,
    usage,
    durationMs,
    ending: isOver(run) ? (run.status as Ending) : null,
    failure: error && { code: error.code, message: error.message, retryAfterS: error.retry_after_s },
    runId: run.runId || turn.runId,
    attempt: Math.max(1, run.attempt),
    output: null,
  };
}

/** Returns a turn that was seen, completed by what its thread has of it. */
export function completed(seen: Turn, stored: Turn): Turn {
  return { ...seen, question: stored.question ?? seen.question, items: merged(stored.items, seen.items) };
}

/** Returns the message that is the turn's answer, as far as that is known. */
export function answerOf(turn: Turn): AiMessage | null {
  return answerAmong(turn.items, turn.ending !== null);
}
