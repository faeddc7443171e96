/** A thread's stored messages -> its turns: the same as its runs' events make of them. */
import type { Json, Usage } from "@seltzer/client";
import { aiMessage, toolCall, type AiMessage, type Item, type ToolCall, type Turn } from "./items";
import { isObject, listOf, parsed, textOr, type JsonObject } from "./json";
import { filesOf, partsOf, textOf } from "./parts";
import { answerText, reasoningIn } from "./thinking";

/** How a turn has ended, as far as that is known: it decides which of its texts is the answer. */
export interface Ended {
  /** null: it isn't known, as of earlier turns. */
  readonly status: "finished" | "interrupted" | "cancelled" | "failed" | null;
  /** The run's output: of a graph on messages, a text, and the calls that its client is to run. */
  readonly output: Json;
}

const UNKNOWN: Ended = { status: null, output: null };
/** The id under which the server publishes an answer that no message has. */
export const UNWRITTEN = "answer";

/** Returns the messages in a state: at `messages`, or the state itself; none if it has none. */
export function messagesIn(values: Json): readonly JsonObject[] {
  const found = isObject(values) && "messages" in values ? values["messages"] : values;
  return (isObject(found) && "content" in found ? [found] : listOf(found)).filter(isObject);
}

/** Returns a conversation's turns, the oldest first; ended: how the last of them has. */
export function turnsOf(values: Json, ended: Ended = UNKNOWN): readonly Turn[] {
  const turns: { id: string; input: JsonObject | null; messages: JsonObject[] }[] = [];
  for (const message of messagesIn(values)) {
    const last = turns.at(-1);
    if (message["type"] === "human")
      turns.push({ id: textOr(message["id"], ""), input: message, messages: [] });
    else if (last) last.messages.push(message);
    else if (message["type"] !== "system") turns.push({ id: "", input: null, messages: [message] });
  }
  return turns.map(({ id, input, messages }, at) => ({
    id,
    content: input ? input["content"] : null,
    input: input ? partsOf(input["content"]) : [],
    items: itemsOf(messages, at < turns.length - 1 ? UNKNOWN : withStructured(ended, values)),
  }));
}

/** Keeps the output of a run if it is the structured response of the state; any other is in its messages. */
function withStructured(ended: Ended, values: Json): Ended {
  const structured = isObject(values) ? values["structured_response"] : null;
  const isIt = structured && typeof ended.output === "string" && isJsonOf(ended.output, structured);
  return isIt ? ended : { ...ended, output: null };
}

function itemsOf(messages: readonly JsonObject[], ended: Ended): readonly Item[] {
  const results = new Map<string, JsonObject>();
  for (const each of messages) {
    if (each["type"] === "tool") results.set(textOr(each["tool_call_id"], ""), each);
  }
  const called = new Set<string>();
  const answer = answerIn(messages, ended);
  const items = messages.flatMap((each, at): Item[] => {
    if (each["type"] === "ai") {
      const message = storedMessage(each, textOr(each["id"], "") || `#${at}`, results, each === answer);
      for (const call of message.calls) called.add(call.id);
      return [message];
    }
    const id = textOr(each["tool_call_id"], "");
    if (each["type"] !== "tool" || called.has(id)) return [];
    return [{ type: "tool", call: answered(toolCall({ id, name: textOr(each["name"], "") }), each) }];
  });
  if (isObject(answer) && answer["type"] === "ai") return items;
  if (answer === null) return items;
  const [id, text] = isObject(answer)
    ? [textOr(answer["id"], ""), textOf(answer["content"])]
    : [UNWRITTEN, answer];
  return [...items, aiMessage({ id, text, isDone: true })];
}

/**
 * Returns which message has the answer, or the answer that none has; null if there is none.
 *
 * As the server finds it (docs/reference/answer.md): the structured response, what a tool has returned as the last
 * of all, else the last text of a model. Of a turn that hasn't come to its end, one that has called a tool isn't it.
 */
function answerIn(messages: readonly JsonObject[], { status, output }: Ended): JsonObject | string | null {
  const written = messages.filter((each) => each["type"] === "ai" && answerText(each["content"]).trim());
  if (typeof output === "string") {
    const value = parsed(output);
    return written.findLast((each) => isJsonOf(answerText(each["content"]), value)) ?? output;
  }
  const last = messages.at(-1);
  const isCutOff = status !== null && status !== "finished";
  if (!isCutOff && last?.["type"] === "tool") {
    return status === null && last["status"] === "error" ? null : last;
  }
  return written.findLast((each) => !isCutOff || !callsOf(each).length) ?? null;
}

function isJsonOf(text: string, value: Json): boolean {
  return JSON.stringify(parsed(text)) === JSON.stringify(value);
}

function callsOf(message: JsonObject): readonly JsonObject[] {
  return [...listOf(message["tool_calls"]), ...listOf(message["invalid_tool_calls"])].filter(isObject);
}

function storedMessage(
  message: JsonObject,
  id: string,
  results: ReadonlyMap<string, JsonObject>,
  isAnswer: boolean,
): AiMessage {
  const metadata = isObject(message["response_metadata"]) ? message["response_metadata"] : {};
  const calls = callsOf(message).map((each, index) => {
    const callId = textOr(each["id"], "");
    const args = typeof each["args"] === "string" ? each["args"] : JSON.stringify(each["args"] ?? {});
    const call = toolCall({ id: callId, index, name: textOr(each["name"], ""), args });
    return answered(call, results.get(callId));
  });
  return aiMessage({
    id,
    text: answerText(message["content"]),
    files: filesOf(message["content"]),
    reasoning: reasoningIn(message),
    calls,
    channel: isAnswer ? "answer" : "step",
    isDone: true,
    isIncomplete: Boolean(metadata["incomplete"]),
    usage: usageOf(message),
  });
}

/** Returns the tokens that a message has cost, where its provider has counted them. */
export function usageOf(message: JsonObject): Usage | null {
  const usage = message["usage_metadata"];
  return isObject(usage) ? (usage as unknown as Usage) : null;
}

function answered(call: ToolCall, result: JsonObject | undefined): ToolCall {
  if (!result) return call;
  return { ...call, status: result["status"] === "error" ? "error" : "success", result: result["content"] };
}
