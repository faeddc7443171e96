/** A text and files -> the message that a graph gets. */
import type { Json } from "@seltzer/client";
import type { Question } from "./model/turn";
import type { Attached } from "../state";

/** Returns the input of a run, and the question as it is shown until the thread has it. */
export function inputOf(text: string, files: readonly Attached[]): { input: Json; question: Question } {
  const content: Json = files.length === 0 ? text : [...textParts(text), ...files.map(partOf)];
  const input = files.length === 0 ? text : { messages: [{ role: "user", content }] };
  return { input, question: { id: null, text, files, input: content } };
}

/** Returns the input with which a question is asked again. */
export function inputAgain({ text, files, input }: Question): Json {
  const isMessage = text.trim() !== "" || files.length > 0;
  return isMessage ? inputOf(text, files).input : (input as Json);
}

function textParts(text: string): Json[] {
  return text.trim() ? [{ type: "text", text }] : [];
}

/** An image as OpenAI has it, which every chat model's integration reads; else as LangChain has files. */
function partOf(file: Attached): Json {
  if (file.kind === "image") return { type: "image_url", image_url: { url: file.url } };
  const base64 = file.url.slice(file.url.indexOf(",") + 1);
  return { type: file.kind, base64, mime_type: file.mime, extras: { filename: file.name } };
}
