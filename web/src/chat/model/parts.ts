/** The parts of a message's content, in the spellings of LangChain and the providers. */
import { isRecord, listOf, textField, type JsonObject } from "./json";

/** A file in a message. */
export interface Attached {
  readonly kind: "image" | "audio" | "video" | "file";
  readonly name: string;
  readonly mime: string;
  /** A `data:` URL; another URL is never loaded by itself, but can be opened; empty: nothing to open. */
  readonly url: string;
}

/** Returns the text of a message's content; its parts are joined. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((part) => {
      if (typeof part === "string") return part;
      const type = textField(part, "type");
      return type === "text" || type === "output_text" || type === "" ? textField(part, "text") : "";
    })
    .join("");
}

/** Returns what a message says of the model's thinking. */
export function reasoningOf(content: unknown): string {
  return listOf(content)
    .map((part) => {
      const type = textField(part, "type");
      if (type === "reasoning") return textField(part, "reasoning") || summaryOf(part);
      return type === "thinking" ? textField(part, "thinking") : "";
    })
    .filter(Boolean)
    .join("\n\n");
}

/** Returns the files in a message's content. */
export function filesOf(content: unknown): readonly Attached[] {
  return listOf(content)
    .filter(isRecord)
    .map(fileOf)
    .filter((file) => file !== null);
}

function summaryOf(part: unknown): string {
  const summary = isRecord(part) ? listOf(part["summary"]) : [];
  return summary.map((each) => textField(each, "text")).join("\n\n");
}

function fileOf(part: JsonObject): Attached | null {
  const type = textField(part, "type");
  if (type === "image_url") return linked("image", part["image_url"]);
  if (type === "input_audio") return audio(part["input_audio"]);
  if (type === "file" && isRecord(part["file"])) return openAiFile(part["file"]);
  if (type === "text-plain") return named("file", part, textData(textField(part, "text")));
  if (isRecord(part["source"])) return anthropic(type === "image" ? "image" : "file", part["source"]);
  const kind = (["image", "audio", "video", "file"] as const).find((each) => each === type);
  return kind ? named(kind, part, dataUrl(part)) : null;
}

function linked(kind: Attached["kind"], value: unknown): Attached {
  const url = typeof value === "string" ? value : textField(value, "url");
  return { kind, name: "", mime: mimeOf(url), url };
}

function audio(value: unknown): Attached {
  const format = textField(value, "format") || "wav";
  return {
    kind: "audio",
    name: "",
    mime: `audio/${format}`,
    url: `data:audio/${format};base64,${textField(value, "data")}`,
  };
}

function openAiFile(file: JsonObject): Attached {
  const url = textField(file, "file_data");
  return { kind: "file", name: textField(file, "filename"), mime: mimeOf(url), url };
}

function anthropic(kind: Attached["kind"], source: JsonObject): Attached {
  const mime = textField(source, "media_type");
  const data = textField(source, "data");
  return { kind, name: "", mime, url: data ? `data:${mime};base64,${data}` : textField(source, "url") };
}

function named(kind: Attached["kind"], part: JsonObject, url: string): Attached {
  const extras = part["extras"];
  const name =
    textField(part, "filename") ||
    textField(part, "title") ||
    textField(extras, "filename") ||
    textField(part["metadata"], "filename");
  return { kind, name, mime: textField(part, "mime_type") || mimeOf(url), url };
}

function dataUrl(part: JsonObject): string {
  const data = textField(part, "base64") || textField(part, "data");
  return data ? `data:${textField(part, "mime_type")};base64,${data}` : textField(part, "url");
}

const textData = (text: string): string => `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`;

const mimeOf = (url: string): string => /^data:([^;,]+)/.exec(url)?.[1] ?? "";
