/** A message's content, in the shapes of LangChain and the providers -> what can be shown of it. */
import type { Json } from "@seltzer/client";
import { isObject, textOr, type JsonObject } from "./json";

/** A file in a message. */
export interface Attached {
  readonly kind: "image" | "audio" | "video" | "file";
  readonly name: string;
  readonly mime: string;
  /** A `data:` URL; another URL is never loaded by itself, but can be opened; empty: nothing to open. */
  readonly url: string;
}

/** `raw` is a part of a type that the page doesn't know: it is shown as it is. */
export type Part =
  | { readonly type: "text"; readonly text: string }
  | (Attached & { readonly type: "file" })
  | { readonly type: "raw"; readonly value: Json };

/** Types of parts that have a model's thinking, or calls that the message has beside its content. */
const BESIDE = new Set([
  "reasoning",
  "thinking",
  "redacted_thinking",
  "reasoning_content",
  "tool_use",
  "tool_call",
  "function_call",
]);
const TEXTS = new Set(["text", "output_text", "input_text", ""]);
const KINDS = ["image", "audio", "video", "file"] as const;

/** Returns the parts of a content: a string, a list of parts, or what else a graph has put there. */
export function partsOf(content: Json): readonly Part[] {
  if (content === "" || content === null || content === undefined) return [];
  if (!Array.isArray(content)) return [partOf(content)];
  return content.filter((each) => !(isObject(each) && BESIDE.has(textOr(each["type"], "")))).map(partOf);
}

/** Returns a content's text alone. */
export function textOf(content: Json): string {
  return partsOf(content)
    .map((each) => (each.type === "text" ? each.text : ""))
    .join("");
}

/** Returns a content's files alone. */
export function filesOf(content: Json): readonly Attached[] {
  return partsOf(content).filter((each) => each.type === "file");
}

function partOf(value: Json): Part {
  if (typeof value === "string") return { type: "text", text: value };
  if (!isObject(value)) return { type: "raw", value };
  if (typeof value["text"] === "string" && TEXTS.has(textOr(value["type"], ""))) {
    return { type: "text", text: value["text"] };
  }
  const file = fileOf(value);
  return file ? { type: "file", ...file } : { type: "raw", value };
}

function fileOf(part: JsonObject): Attached | null {
  const type = textOr(part["type"], "");
  if (isObject(part["source"])) return anthropic(part, part["source"]);
  const read = Object.hasOwn(OWN, type) ? OWN[type] : undefined;
  if (read) return read(part);
  if (type === "file" && isObject(part["file"])) return openAiFile(part["file"]);
  const kind = KINDS.find((each) => each === type);
  return kind ? file(kind, part, dataUrl(part)) : null;
}

/** Types of parts with a shape of their own. */
const OWN: Readonly<Record<string, (part: JsonObject) => Attached>> = {
  image_url: (part) => linked(part["image_url"]),
  input_image: (part) => linked(part["image_url"]),
  input_audio: (part) => audio(part["input_audio"]),
  "text-plain": (part) => file("file", part, textData(textOr(part["text"], ""))),
  document: (part) => file("file", part, dataUrl(part)),
  media: (part) => file("file", part, dataUrl(part)),
};

function linked(value: Json): Attached {
  const url = typeof value === "string" ? value : textOr(isObject(value) ? value["url"] : "", "");
  return { kind: "image", name: "", mime: mimeOf(url), url };
}

function audio(value: Json): Attached {
  const given = isObject(value) ? value : {};
  const mime = `audio/${textOr(given["format"], "wav")}`;
  return { kind: "audio", name: "", mime, url: `data:${mime};base64,${textOr(given["data"], "")}` };
}

function openAiFile(given: JsonObject): Attached {
  const url = textOr(given["file_data"], "");
  return { kind: "file", name: textOr(given["filename"], ""), mime: mimeOf(url), url };
}

function anthropic(part: JsonObject, source: JsonObject): Attached {
  const mime = textOr(source["media_type"], "");
  const data = textOr(source["data"], "");
  const kind = part["type"] === "image" ? "image" : "file";
  const url = data ? `data:${mime};base64,${data}` : textOr(source["url"], "");
  return { kind, name: textOr(part["title"], ""), mime, url };
}

function file(kind: Attached["kind"], part: JsonObject, url: string): Attached {
  const places = [part, part["extras"], part["metadata"]].filter(isObject);
  const names = places.flatMap((each) => [each["filename"], each["title"], each["name"]]);
  const name = names.find((each): each is string => typeof each === "string" && each !== "") ?? "";
  return { kind, name, mime: textOr(part["mime_type"], "") || mimeOf(url), url };
}

function dataUrl(part: JsonObject): string {
  const data = textOr(part["base64"], "") || textOr(part["data"], "");
  return data ? `data:${textOr(part["mime_type"], "")};base64,${data}` : textOr(part["url"], "");
}

const textData = (text: string): string => `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`;

const mimeOf = (url: string): string => /^data:([^;,]+)/.exec(url)?.[1] ?? "";
