/** Adds an event to a run: pure, for every kind of event, and for those that were added before. */
import type { EventData, Json, Kind } from "@seltzer/client";
import { aiMessage, names, toolCall, type AiMessage, type Item, type ToolCall } from "./items";
import { merged as completed } from "./merge";
import { QUEUED, type AnyEvent, type Run } from "./run";
import { messagesIn, turnsOf } from "./thread";
import { withMessages } from "./written";

/**
 * Returns the run with the event; the run itself, if it has the event already.
 *
 * What the event doesn't change is the identical object in both. at: when it was emitted, or read. An event that
 * isn't of its kind's shape is kept as one of an unknown kind.
 */
export function reduce(run: Run, event: AnyEvent, at: number | null = null): Run {
  if (!isAfter(event, run)) return run;
  const next = { ...run, attempt: event.attempt, seq: event.seq, cursor: event.id };
  try {
    const add = Object.hasOwn(ADDING, event.kind) ? ADDING[event.kind as Kind] : null;
    if (add) return add(next, event.data as never, at);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  return append(next, { type: "raw", id: eventId(next), kind: event.kind, data: event.data });
}

const eventId = (run: Run): string => `${run.runId} ${run.cursor}`;

/** What the server ends the id of a message with whose text turns out to have been the answer. */
const AGAIN = "-answer";

function isAfter(event: AnyEvent, run: Run): boolean {
  return event.attempt > run.attempt || (event.attempt === run.attempt && event.seq > run.seq);
}

type Adding = { readonly [K in Kind]: (run: Run, data: EventData[K], at: number | null) => Run };

const ADDING: Adding = {
  started: (run, data, at) => ({
    ...QUEUED,
    runId: data.run_id,
    threadId: data.thread_id,
    graph: data.graph,
    status: "running",
    attempt: run.attempt,
    seq: run.seq,
    cursor: run.cursor,
    before: run.before,
    items: run.before,
    previous: run.previous,
    startedAt: run.startedAt ?? at,
    firstTokenAt: run.firstTokenAt,
  }),
  state: (run, data) => ({ ...run, items: restored(run, data.values) }),
  message: (run, data) => {
    const path = [...names(data.namespace), data.node].filter(Boolean);
    const { message_id: id, namespace, model, held: isHeld } = data;
    const again = toldAgain(run, id);
    if (again) return change(run, again, asAnswer);
    const message = aiMessage({ id, namespace, path, model, isHeld });
    const known = run.items.findLastIndex((each) => each.type === "message" && each.id === id);
    return known < 0 ? append(run, message) : { ...run, items: run.items.with(known, message) };
  },
  token: (run, data, at) => {
    if (toldAgain(run, data.message_id)) return run;
    const next = change(run, data.message_id, (message) => ({
      ...thought(message, at),
      text: message.text + data.text,
      channel: message.isRetracted ? "step" : data.channel,
    }));
    return { ...next, firstTokenAt: run.firstTokenAt ?? at };
  },
  reasoning: (run, data, at) => ({
    ...change(run, data.message_id, (message) => ({
      ...message,
      reasoning: message.reasoning + data.text,
      thinksFrom: message.reasoning ? message.thinksFrom : at,
    })),
    firstTokenAt: run.firstTokenAt ?? at,
  }),
  tool_call: (run, data, at) =>
    change(run, data.message_id, (message) => ({
      ...thought(message, at),
      channel: "step",
      calls: withPiece(message.calls, data, at),
    })),
  tool_result: withResult,
  retracted: (run, data) =>
    change(run, data.message_id, (message) => ({ ...message, channel: "step", isRetracted: true })),
  update: (run, data, at) => {
    const path = [...names(data.namespace), data.node];
    const items = withMessages(run.items, messagesIn(data.values), path, data.namespace, at);
    const { namespace, values } = data;
    const step: Item = { type: "step", id: eventId(run), path, namespace, values, at };
    return append({ ...run, items }, step);
  },
  custom: (run, data) => append(run, { type: "custom", id: eventId(run), value: data.value }),
  checkpoint: (run) => run,
  interrupt: (run, data) => ({ ...run, interrupts: merged(run.interrupts, data.interrupts) }),
  finished: (run, data, at) => ({
    ...ended(run, at),
    status: "finished",
    interrupts: [],
    usage: data.usage,
    durationMs: data.duration_ms,
  }),
  failed: (run, data, at) => ({ ...ended(run, at, true), status: "failed", error: data }),
  cancelled: (run, _data, at) => ({ ...ended(run, at, true), status: "cancelled", interrupts: [] }),
  interrupted: (run, data, at) => ({
    ...ended(run, at),
    status: "interrupted",
    interrupts: merged(run.interrupts, data.interrupts),
  }),
};

/** What an earlier attempt has kept of the turn: nothing, if the state still ends with the turn before. */
function restored(run: Run, values: Json): readonly Item[] {
  if (run.attempt === 1) return run.items;
  const last = turnsOf(values).at(-1);
  const isOwn = last !== undefined && (run.previous === "" || last.id !== run.previous);
  return isOwn ? completed(last.items, run.before) : run.before;
}

/** Returns the message whose text is told again, as the answer that it was; null if the id is of no such. */
function toldAgain(run: Run, id: string): string | null {
  if (!id.endsWith(AGAIN)) return null;
  const known = id.slice(0, -AGAIN.length);
  return run.items.some((each) => each.type === "message" && each.id === known) ? known : null;
}

function asAnswer(message: AiMessage): AiMessage {
  return { ...message, channel: "answer", isRetracted: false };
}

/** Its thinking has ended: something else of it has come. */
function thought(message: AiMessage, at: number | null): AiMessage {
  return message.reasoning && message.thinksTo === null ? { ...message, thinksTo: at } : message;
}

function append(run: Run, item: Item): Run {
  return { ...run, items: [...run.items, item] };
}

/** Changes a message; one that hasn't begun begins here. */
function change(run: Run, id: string, by: (message: AiMessage) => AiMessage): Run {
  const at = run.items.findLastIndex((each) => each.type === "message" && each.id === id);
  const item = run.items[at];
  if (item?.type !== "message") return append(run, by(aiMessage({ id })));
  return { ...run, items: run.items.with(at, by(item)) };
}

function withPiece(calls: readonly ToolCall[], data: EventData["tool_call"], at: number | null) {
  const place = calls.findIndex((each) => each.index === data.index);
  const before = calls[place] ?? toolCall({ id: "", index: data.index, calledAt: at });
  const call = {
    ...before,
    id: before.id || (data.call_id ?? ""),
    name: before.name + (data.name ?? ""),
    args: before.args + (data.args ?? ""),
  };
  return place < 0 ? [...calls, call] : calls.with(place, call);
}

function withResult(run: Run, data: EventData["tool_result"], at: number | null): Run {
  const id = data.call_id;
  const result = { status: data.status, result: data.content, endedAt: at } as const;
  const place = run.items.findLastIndex(
    (each) => each.type === "message" && each.calls.some((call) => call.id === id),
  );
  const message = run.items[place];
  if (message?.type !== "message") {
    return append(run, { type: "tool", call: toolCall({ id, name: data.name ?? "", ...result }) });
  }
  const calls = message.calls.map((call) => (call.id === id ? { ...call, ...result } : call));
  return { ...run, items: run.items.with(place, { ...message, calls }) };
}

function ended(run: Run, at: number | null, isCutOff = false): Run {
  const items = mapped(run.items, (item) =>
    item.type !== "message" || item.isDone
      ? item
      : { ...thought(item, at), isDone: true, isIncomplete: isCutOff && Boolean(item.text) },
  );
  return { ...run, items, endedAt: at };
}

/** Maps a list; returns the list itself if nothing in it has changed. */
function mapped(items: readonly Item[], by: (item: Item) => Item): readonly Item[] {
  const made = items.map(by);
  return made.every((each, at) => each === items[at]) ? items : made;
}

function merged<T extends { readonly id: string }>(known: readonly T[], more: readonly T[]): readonly T[] {
  const ids = new Set(known.map((each) => each.id));
  return [...known, ...more.filter((each) => !ids.has(each.id))];
}
