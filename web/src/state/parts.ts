/** A message's content, in the shapes of LangChain and the providers -> what can be shown of it. */
import type { Json } from "@seltzer/client";
import { isObject, listOf, textOr, type JsonObject } from "./json";

/** `raw` is a part of a type that the page doesn't know: it is shown as it is. */
export type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly url: string }
  | { readonly type: "file"; readonly name: string; readonly mime: string; readonly url: string | null }
  | { readonly type: "raw"; readonly value: Json };

/** Types of parts that have a model's thinking, or calls that the message has beside its content. */
const BESIDE = new Set(["reasoning", "thinking", "redacted_thinking", "reasoning_content", "tool_use"]);

/** Returns the parts of a content: a string, a list of parts, or what else a graph has put there. */
export function partsOf(content: Json): readonly Part[] {
  if (content === "" || content === null || content === undefined) return [];
  if (!Array.isArray(content)) return [partOf(content)];
  return content.filter((each) => !(isObject(each) && BESIDE.has(String(each["type"])))).map(partOf);
}

/** Returns a content's text alone. */
export function textOf(content: Json): string {
  return partsOf(content)
    .map((each) => (each.type === "text" ? each.text : ""))
    .join("");
}

/** Returns the thinking that a content has, in the shapes in which providers write it. */
export function reasoningIn(content: Json): string {
  return listOf(content)
    .filter((each): each is JsonObject => isObject(each) && BESIDE.has(String(each["type"])))
    .map((each) => textOr(each["reasoning"], "") || textOr(each["thinking"], "") || textOr(each["text"], ""))
    .join("");
}

function partOf(value: Json): Part {
  if (typeof value === "string") return { type: "text", text: value };
  if (!isObject(value)) return { type: "raw", value };
  if (typeof value["text"] === "string") return { type: "text", text: value["text"] };
  const type = textOr(value["type"], "");
  const url = urlOf(value);
  if (type.startsWith("image") && url !== null) return { type: "image", url };
  if (["file", "document", "audio", "input_audio", "video", "media"].includes(type)) {
    return { type: "file", name: nameOf(value), mime: mimeOf(value), url };
  }
  return { type: "raw", value };
}

function urlOf(part: JsonObject): string | null {
  const place = ["image_url", "file", "input_audio", "source"].find((each) => part[each] !== undefined);
  const inner = place === undefined ? part : part[place];
  if (typeof inner === "string") return inner;
  if (!isObject(inner)) return null;
  const found = textOr(inner["url"] ?? inner["file_data"], null);
  if (found !== null) return found;
  const data = textOr(inner["base64"] ?? inner["data"], null);
  return data === null ? null : `data:${mimeOf(part)};base64,${data}`;
}

function mimeOf(part: JsonObject): string {
  const inner = isObject(part["source"]) ? part["source"] : part;
  const found = textOr(inner["mime_type"], null) ?? textOr(inner["media_type"], null);
  return found ?? (String(part["type"]).startsWith("image") ? "image/png" : "application/octet-stream");
}

function nameOf(part: JsonObject): string {
  const inner = isObject(part["file"]) ? part["file"] : part;
  return textOr(inner["filename"], null) ?? textOr(inner["name"], null) ?? textOr(inner["title"], "");
}
