/** What a turn is shown as: a question, and blocks in the order in which they came. */
import type { Interrupt, Usage } from "@seltzer/client";
import type { JsonObject } from "./json";
import type { Attached } from "./parts";

/** A piece of what a model has written. */
export interface TextBlock {
  readonly kind: "text";
  readonly key: string;
  readonly text: string;
  /** What a step wrote on the way to the answer; shown folded. */
  readonly isStep: boolean;
  readonly isIncomplete: boolean;
  readonly node: string;
  readonly files: readonly Attached[];
}

/** What a model has thought. */
export interface ReasoningBlock {
  readonly kind: "reasoning";
  readonly key: string;
  readonly text: string;
  readonly time: Time;
}

export interface ToolBlock {
  readonly kind: "tool";
  readonly key: string;
  readonly name: string;
  /** JSON, as far as it has come. */
  readonly args: string;
  readonly status: "running" | "success" | "error" | "waiting";
  readonly result: unknown;
  readonly time: Time;
}

/** What a sub-graph does, apart from the answer. */
export interface GroupBlock {
  readonly kind: "group";
  readonly key: string;
  readonly name: string;
  readonly blocks: readonly Block[];
  readonly isOpen: boolean;
}

/** What a node has written into the state, besides messages. */
export interface StepBlock {
  readonly kind: "step";
  readonly key: string;
  readonly node: string;
  readonly values: unknown;
}

/** What a node has sent by the stream writer; or, with a name, an event of an unknown kind. */
export interface DataBlock {
  readonly kind: "data";
  readonly key: string;
  readonly name: string | null;
  readonly value: unknown;
}

export type Block = TextBlock | ReasoningBlock | ToolBlock | GroupBlock | StepBlock | DataBlock;

/** When something was seen to begin and to end; null: it wasn't seen. */
export interface Time {
  readonly from: number | null;
  readonly to: number | null;
}

export const UNSEEN: Time = { from: null, to: null };

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

/** A question, and what came of it. */
export interface Turn {
  readonly key: string;
  readonly question: Question | null;
  readonly blocks: readonly Block[];
  /** null: the run goes on. */
  readonly ending: Ending | null;
  readonly failure: Failure | null;
  readonly interrupts: readonly Interrupt[];
  /** The run that wrote the newest of it; null of turns that were read from the thread. */
  readonly runId: string | null;
  readonly usage: Usage | null;
  readonly durationMs: number | null;
  /** What the run of a graph without messages has returned, or a message graph's structured response. */
  readonly output: JsonObject | readonly unknown[] | string | number | boolean | null;
  /** How often a process has begun the run; above 1 it was taken over. */
  readonly attempt: number;
}

/** Returns the text of the turn's answer, as it would be copied. */
export function answerText(turn: Turn): string {
  return turn.blocks
    .filter((block) => block.kind === "text" && !block.isStep)
    .map((block) => (block as TextBlock).text)
    .join("\n\n");
}
