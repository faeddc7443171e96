/** What a turn consists of, in the order in which it came. */
import type { Json, Usage } from "@seltzer/client";
import type { Part } from "./parts";

/** A call of a tool. args is JSON as far as it has arrived. A time is in milliseconds, null if unknown. */
export interface ToolCall {
  readonly id: string;
  readonly index: number;
  readonly name: string;
  readonly args: string;
  readonly status: "called" | "success" | "error";
  readonly result: Json;
  readonly calledAt: number | null;
  readonly endedAt: number | null;
}

/** What a model, or a node, has written. path: the nodes around it, outermost first, and its own. */
export interface AiMessage {
  readonly type: "message";
  readonly id: string;
  readonly path: readonly string[];
  readonly namespace: readonly string[];
  readonly model: string | null;
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly ToolCall[];
  /** `answer` as long as it may be the answer; a step's text never was, or was retracted. */
  readonly channel: "answer" | "step";
  /** Its text may turn out not to be the answer. */
  readonly isHeld: boolean;
  readonly isRetracted: boolean;
  /** Its node has ended, or its run. */
  readonly isDone: boolean;
  /** It was cut off: its run was cancelled, or has failed. */
  readonly isIncomplete: boolean;
  readonly usage: Usage | null;
}

/** A tool's result whose call nobody has seen: the tool was called by other means. */
export interface ToolItem {
  readonly type: "tool";
  readonly call: ToolCall;
}

/** What a node has written into the state. */
export interface StepItem {
  readonly type: "step";
  readonly path: readonly string[];
  readonly namespace: readonly string[];
  readonly values: Json;
  readonly at: number | null;
}

export interface CustomItem {
  readonly type: "custom";
  readonly value: Json;
}

/** An event of a kind that the page doesn't know. */
export interface RawItem {
  readonly type: "raw";
  readonly kind: string;
  readonly data: Json;
}

export type Item = AiMessage | ToolItem | StepItem | CustomItem | RawItem;

/** What a person, or the graph in their place, has put in; and what came of it. */
export interface Turn {
  /** The id of the message that has begun it; empty for what no message has begun. */
  readonly id: string;
  readonly input: readonly Part[];
  readonly items: readonly Item[];
}

/** Returns the names in a namespace, without the ids of the tasks. */
export function names(namespace: readonly string[]): string[] {
  return namespace.map((each) => each.split(":", 1)[0] ?? each);
}

export function toolCall(call: Partial<ToolCall> & { id: string }): ToolCall {
  return {
    index: 0,
    name: "",
    args: "",
    status: "called",
    result: null,
    calledAt: null,
    endedAt: null,
    ...call,
  };
}

export function aiMessage(message: Partial<AiMessage> & { id: string }): AiMessage {
  return {
    type: "message",
    path: [],
    namespace: [],
    model: null,
    text: "",
    reasoning: "",
    calls: [],
    channel: "answer",
    isHeld: false,
    isRetracted: false,
    isDone: false,
    isIncomplete: false,
    usage: null,
    ...message,
  };
}
