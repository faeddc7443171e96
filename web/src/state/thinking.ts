/** What a stored message has of its model's thinking, as the server reads it (seltzer/runs/messages/thinking.py). */
import type { Json } from "@seltzer/client";
import { isObject, listOf, textOr, type JsonObject } from "./json";
import { textOf } from "./parts";

const BLOCKS = ["reasoning", "thinking", "reasoning_content"]; // types of blocks, and keys in them
const TEXTS = ["text", "summary", "content", ...BLOCKS];
const TAGGED = /^\s*<think>([^]*?)(?:<\/think>\s*|$)/;

/** Returns a message's thinking: blocks of it, a provider's own fields, or tags before the text. */
export function reasoningIn(message: JsonObject): string {
  const blocks = listOf(message["content"]).filter(
    (each) => isObject(each) && BLOCKS.includes(textOr(each["type"], "")),
  );
  const beside = isObject(message["additional_kwargs"]) ? message["additional_kwargs"] : {};
  const found = [blocks, beside["reasoning_content"], beside["reasoning"]].map(thoughtIn).find(Boolean);
  return found ?? TAGGED.exec(textOf(message["content"]))?.[1] ?? "";
}

/** Returns an AI message's text without thinking in tags before it. */
export function answerText(content: Json): string {
  return textOf(content).replace(TAGGED, "");
}

function thoughtIn(value: Json): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(thoughtIn).join("");
  if (!isObject(value)) return "";
  return TEXTS.map((key) => thoughtIn(value[key])).find(Boolean) ?? "";
}
