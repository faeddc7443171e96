/** What of a run's steps and texts is shown apart from prose. */
import { isObject, parsed } from "../../state";

/** Returns what a node has written into the state besides messages, which are shown themselves; undefined: nothing. */
export function othersIn(values: unknown): unknown {
  if (values === null || values === undefined) return undefined;
  if (!isObject(values)) return Array.isArray(values) && values.every(isObject) ? undefined : values;
  const others = Object.entries(values).filter(([name]) => name !== "messages");
  return others.length > 0 ? Object.fromEntries(others) : undefined;
}

/** Returns the object that a text is the JSON of; undefined if it is none: a structured answer is no prose. */
export function structuredIn(text: string): unknown {
  if (!/^\s*\{[^]*\}\s*$/.test(text)) return undefined;
  const value = parsed(text);
  return isObject(value) ? value : undefined;
}
