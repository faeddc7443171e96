/** Reading JSON of unknown shape. */
import type { Json } from "@seltzer/client";

export type JsonObject = Readonly<Record<string, Json>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === "string" ? value : otherwise;
}

/** Returns the text at a name of an object; empty if there is none. */
export function textField(value: unknown, name: string): string {
  return isObject(value) ? textOr(value[name], "") : "";
}

export function listOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

/** Returns the JSON in a text; undefined where it is none, or none yet. */
export function jsonIn(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the JSON in a text, or the text itself where it is none, or none yet. */
export function parsed(text: string): Json {
  const value = jsonIn(text);
  return value === undefined ? text : value;
}

/** Returns a value as people read it: a text as it is, anything else as indented JSON. */
export function pretty(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "");
}
