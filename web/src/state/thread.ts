/** A thread's stored messages -> its turns: the same as its runs' events make of them. */
import type { Json, Usage } from "@seltzer/client";
import { aiMessage, toolCall, type AiMessage, type Item, type ToolCall, type Turn } from "./items";
import { isObject, listOf, textOr, type JsonObject } from "./json";
import { partsOf, reasoningIn, textOf } from "./parts";

/** Returns the messages in a state: at `messages`, or the state itself; none if it has none. */
export function messagesIn(values: Json): readonly JsonObject[] {
  const found = isObject(values) ? values["messages"] : values;
  return listOf(found).filter(isObject);
}

/** Returns a conversation's turns, the oldest first. */
export function turnsOf(values: Json): readonly Turn[] {
  const turns: { id: string; input: JsonObject | null; messages: JsonObject[] }[] = [];
  for (const message of messagesIn(values)) {
    const last = turns.at(-1);
    if (message["type"] === "human")
      turns.push({ id: textOr(message["id"], ""), input: message, messages: [] });
    else if (last) last.messages.push(message);
    else if (message["type"] !== "system") turns.push({ id: "", input: null, messages: [message] });
  }
  return turns.map(({ id, input, messages }) => ({
    id,
    input: input ? partsOf(input["content"]) : [],
    items: itemsOf(messages),
  }));
}

/** Returns the items of the newest turn in a state. */
export function lastItems(values: Json): readonly Item[] {
  return turnsOf(values).at(-1)?.items ?? [];
}

function itemsOf(messages: readonly JsonObject[]): readonly Item[] {
  const results = new Map<string, JsonObject>();
  for (const each of messages) {
    if (each["type"] === "tool") results.set(textOr(each["tool_call_id"], ""), each);
  }
  const called = new Set<string>();
  const answer = messages.findLast((each) => each["type"] === "ai");
  return messages.flatMap((each): Item[] => {
    if (each["type"] === "ai") {
      const message = storedMessage(each, results, each === answer);
      for (const call of message.calls) called.add(call.id);
      return [message];
    }
    const id = textOr(each["tool_call_id"], "");
    if (each["type"] !== "tool" || called.has(id)) return [];
    return [{ type: "tool", call: answered(toolCall({ id, name: textOr(each["name"], "") }), each) }];
  });
}

function storedMessage(
  message: JsonObject,
  results: ReadonlyMap<string, JsonObject>,
  isLast: boolean,
): AiMessage {
  const calls = listOf(message["tool_calls"]).filter(isObject);
  const metadata = isObject(message["response_metadata"]) ? message["response_metadata"] : {};
  const made = calls.map((each, index) => {
    const id = textOr(each["id"], "");
    const args = JSON.stringify(each["args"] ?? {});
    return answered(toolCall({ id, index, name: textOr(each["name"], ""), args }), results.get(id));
  });
  return aiMessage({
    id: textOr(message["id"], ""),
    text: textOf(message["content"]),
    reasoning: reasoningIn(message["content"]),
    calls: made,
    channel: isLast && !made.length ? "answer" : "step",
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
