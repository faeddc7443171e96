/** Reading JSON of unknown shape. */
import type { Json } from "@seltzer/client";

export type JsonObject = Readonly<Record<string, Json>>;

export function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textOr<T>(value: Json, otherwise: T): string | T {
  return typeof value === "string" ? value : otherwise;
}

export function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

/** Returns the JSON in a text, or the text itself where it is none, or none yet. */
export function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
