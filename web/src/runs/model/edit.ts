/** What an editor has changed of a state -> the values that are sent, as a node would return them. */
import { isObject, textField, type JsonObject } from "../../state";

type Fields = Readonly<Record<string, unknown>>;

/** What is sent, and for each list of messages, at which place in the editor its messages are. */
export interface Patch {
  readonly values: Fields;
  readonly places: Readonly<Record<string, readonly number[]>>;
}

/** Written anew by the server, or by LangChain into another field. */
const UNSENT = new Set(["usage_metadata", "invalid_tool_calls"]);

/** Whether a value is a list of messages, each of which can be named: they are sent one by one. */
export function isMessages(value: unknown): value is readonly JsonObject[] {
  return Array.isArray(value) && value.length > 0 && value.every(isMessage);
}

function isMessage(value: unknown): boolean {
  return isObject(value) && textField(value, "type") !== "" && textField(value, "id") !== "";
}

/** Returns what makes the first values the second ones; an emptied one is null. */
export function patchOf(before: Fields, after: Fields): Patch {
  const values: Record<string, unknown> = {};
  const places: Record<string, readonly number[]> = {};
  for (const [key, old] of Object.entries(before)) {
    const now = after[key];
    if (isSame(old, now)) continue;
    if (isMessages(old) && Array.isArray(now)) {
      const sent = messagesOf(old, now as readonly JsonObject[]);
      values[key] = sent.map(([message]) => message);
      places[key] = sent.map(([, place]) => place);
    } else values[key] = now ?? null;
  }
  return { values, places };
}

/** Returns the messages that differ, with their places; one that is gone is sent as its removal. */
function messagesOf(old: readonly JsonObject[], now: readonly JsonObject[]): readonly [JsonObject, number][] {
  const known = new Map(old.map((each) => [each["id"], each]));
  const left = new Set(now.map((each) => each["id"]));
  const removed = old
    .filter((each) => !left.has(each["id"]))
    .map((each): [JsonObject, number] => [{ type: "remove", id: each["id"] }, -1]);
  const written = now
    .map((each, place): [JsonObject, number] => [each, place])
    .filter(([each]) => !isSame(known.get(each["id"]), each))
    .map(([each, place]): [JsonObject, number] => [sentOf(each), place]);
  return [...removed, ...written];
}

function sentOf(message: JsonObject): JsonObject {
  const fields = Object.entries(message).filter(([name, value]) => value !== null && !UNSENT.has(name));
  return Object.fromEntries(fields);
}

/** Returns a field of what was sent, such as `messages.1.content`, as the editor has it. */
export function placeOf(field: string, places: Patch["places"]): string {
  const [key = "", index, ...rest] = field.split(".");
  const place = places[key]?.[Number(index)];
  return place === undefined ? field : [key, place, ...rest].join(".");
}

/** Returns the keys that the graph has combined with what was there, as the state that it has made shows. */
export function combinedIn(sent: Fields, wanted: Fields, made: Fields): readonly string[] {
  return Object.keys(sent).filter(
    (key) => !isMessages(made[key]) && !isSame(wanted[key] ?? null, made[key] ?? null),
  );
}

export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, at) => isSame(each, other[at]));
  }
  if (!isObject(one) || !isObject(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isSame(one[name], other[name]))
  );
}
