/** What a turn consists of, in the order in which it came. */
import type { Json, Usage } from "@seltzer/client";
import type { Attached, Part } from "./parts";

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
  /** What it has beside its text, such as images that a model has made. */
  readonly files: readonly Attached[];
  readonly reasoning: string;
  /** When the thinking has begun, and what comes after it. */
  readonly thinksFrom: number | null;
  readonly thinksTo: number | null;
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
  /** Its event's, and unique in a turn of several runs. */
  readonly id: string;
  readonly path: readonly string[];
  readonly namespace: readonly string[];
  readonly values: Json;
  readonly at: number | null;
}

export interface CustomItem {
  readonly type: "custom";
  readonly id: string;
  readonly value: Json;
}

/** An event of a kind that the page doesn't know. */
export interface RawItem {
  readonly type: "raw";
  readonly id: string;
  readonly kind: string;
  readonly data: Json;
}

export type Item = AiMessage | ToolItem | StepItem | CustomItem | RawItem;

/** What a person, or the graph in their place, has put in; and what came of it. */
export interface Turn {
  /** The id of the message that has begun it; empty for what no message has begun. */
  readonly id: string;
  /** The content of that message as the state has it, and as it can be shown. */
  readonly content: Json;
  readonly input: readonly Part[];
  readonly items: readonly Item[];
}

/** Returns what tells an item of a turn from the others. */
export function keyOf(item: Item): string {
  return item.type === "tool" ? `tool ${item.call.id}` : `${item.type} ${item.id}`;
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
    files: [],
    reasoning: "",
    thinksFrom: null,
    thinksTo: null,
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
