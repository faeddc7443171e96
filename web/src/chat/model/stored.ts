/** A thread's messages -> turns. */
import { UNSEEN, type Block, type TextBlock, type ToolBlock, type Turn } from "./blocks";
import { isRecord, listOf, textField, type JsonObject } from "./json";
import { filesOf, reasoningOf, textOf } from "./parts";

export const EMPTY_TURN: Omit<Turn, "key"> = {
  question: null,
  blocks: [],
  ending: "finished",
  failure: null,
  interrupts: [],
  runId: null,
  usage: null,
  durationMs: null,
  output: null,
  attempt: 1,
};

/** Returns the messages of a state's values: none of a state that has none. */
export function messagesOf(values: unknown): readonly JsonObject[] {
  const messages = isRecord(values) ? values["messages"] : values;
  return listOf(messages).filter(isRecord);
}

/** Returns the turns of messages, the oldest first; each begins with a user's message. */
export function turnsOf(messages: readonly JsonObject[]): readonly Turn[] {
  const turns: { messages: JsonObject[] }[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (last === undefined || isQuestion(message)) turns.push({ messages: [message] });
    else last.messages.push(message);
  }
  return turns.map(({ messages: each }) => turnOf(each));
}

/** Whether the message is a user's. */
export function isQuestion(message: JsonObject): boolean {
  return message["type"] === "human";
}

export const textKey = (messageId: string): string => `text:${messageId}`;
export const reasoningKey = (messageId: string): string => `reasoning:${messageId}`;
export const toolKey = (callId: string): string => `tool:${callId}`;

function turnOf(messages: readonly JsonObject[]): Turn {
  const [first] = messages;
  const hasQuestion = first !== undefined && isQuestion(first);
  const id = textField(first, "id");
  const answer = messages.findLast((each) => each["type"] === "ai");
  return {
    ...EMPTY_TURN,
    key: id || "turn",
    question: hasQuestion
      ? {
          id: id || null,
          text: textOf(first["content"]),
          files: filesOf(first["content"]),
          input: first["content"],
        }
      : null,
    blocks: blocksOf(hasQuestion ? messages.slice(1) : messages, answer),
  };
}

/** Returns the blocks of messages that aren't a user's. answer: the texts of all others are steps. */
export function blocksOf(messages: readonly JsonObject[], answer?: JsonObject): readonly Block[] {
  const blocks: Block[] = [];
  messages.forEach((message, index) => {
    const id = textField(message, "id") || String(index);
    if (message["type"] === "tool") putResult(blocks, message, id);
    else if (message["type"] === "ai") {
      blocks.push(...answerBlocks(message, id, answer !== undefined && message !== answer));
    }
    // a system message is the graph's own affair
  });
  return blocks;
}

function answerBlocks(message: JsonObject, id: string, isStep: boolean): Block[] {
  const { content } = message;
  const blocks: Block[] = [];
  const reasoning = reasoningOf(content) || textField(message["additional_kwargs"], "reasoning_content");
  if (reasoning) blocks.push({ kind: "reasoning", key: reasoningKey(id), text: reasoning, time: UNSEEN });
  const text = textBlock(message, id, isStep);
  if (text.text || text.files.length > 0) blocks.push(text);
  for (const call of [...listOf(message["tool_calls"]), ...listOf(message["invalid_tool_calls"])]) {
    if (isRecord(call)) blocks.push(toolBlock(call));
  }
  return blocks;
}

function textBlock(message: JsonObject, id: string, isStep: boolean): TextBlock {
  const metadata = message["response_metadata"];
  return {
    kind: "text",
    key: textKey(id),
    text: textOf(message["content"]),
    isStep,
    isIncomplete: isRecord(metadata) && Boolean(metadata["incomplete"]),
    node: "",
    files: filesOf(message["content"]),
  };
}

function toolBlock(call: JsonObject): ToolBlock {
  const args = call["args"];
  return {
    kind: "tool",
    key: toolKey(textField(call, "id")),
    name: textField(call, "name"),
    args: typeof args === "string" ? args : JSON.stringify(args ?? {}),
    status: "waiting",
    result: undefined,
    time: UNSEEN,
  };
}

/** Puts a tool's result to its call; without one, it stands by itself. */
function putResult(blocks: Block[], message: JsonObject, id: string): void {
  const key = toolKey(textField(message, "tool_call_id") || id);
  const status = message["status"] === "error" ? "error" : "success";
  const at = blocks.findIndex((block) => block.key === key);
  const found = blocks[at];
  const content = message["content"];
  if (found?.kind === "tool") blocks[at] = { ...found, status, result: content };
  else {
    const name = textField(message, "name");
    blocks.push({ kind: "tool", key, name, args: "", status, result: content, time: UNSEEN });
  }
}
