/** Adds an event to a run: pure, for every kind of event, and for those that were added before. */
import type { EventData, Kind } from "@seltzer/client";
import { aiMessage, names, toolCall, type AiMessage, type Item, type ToolCall } from "./items";
import { allEnded, nodeBegun, nodeEnded } from "./nodes";
import { QUEUED, type AnyEvent, type Run } from "./run";
import { lastItems, messagesIn, usageOf } from "./thread";

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
  return append(next, { type: "raw", kind: event.kind, data: event.data });
}

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
    startedAt: run.startedAt ?? at,
    firstTokenAt: run.firstTokenAt,
  }),
  state: (run, data) => ({
    ...run,
    begunWith: data.values,
    items: run.attempt > 1 ? lastItems(data.values).map(asStep) : run.items,
  }),
  message: (run, data, at) => {
    const path = [...names(data.namespace), data.node].filter(Boolean);
    const { message_id: id, namespace, model, held: isHeld } = data;
    return {
      ...append(run, aiMessage({ id, namespace, path, model, isHeld })),
      nodes: nodeBegun(run.nodes, path, model, at),
    };
  },
  token: (run, data, at) => ({
    ...change(run, data.message_id, (message) => ({
      ...message,
      text: message.text + data.text,
      channel: message.isRetracted ? "step" : data.channel,
    })),
    firstTokenAt: run.firstTokenAt ?? at,
  }),
  reasoning: (run, data, at) => ({
    ...change(run, data.message_id, (message) => ({ ...message, reasoning: message.reasoning + data.text })),
    firstTokenAt: run.firstTokenAt ?? at,
  }),
  tool_call: (run, data, at) =>
    change(run, data.message_id, (message) => ({
      ...message,
      channel: "step",
      calls: withPiece(message.calls, data, at),
    })),
  tool_result: withResult,
  retracted: (run, data) =>
    change(run, data.message_id, (message) => ({ ...message, channel: "step", isRetracted: true })),
  update: (run, data, at) => {
    const path = [...names(data.namespace), data.node];
    const written = new Map(messagesIn(data.values).map((each) => [each["id"], each]));
    const items = mapped(run.items, (item) => {
      const stored = item.type === "message" ? written.get(item.id) : undefined;
      if (!stored || item.type !== "message" || item.isDone) return item;
      return { ...item, isDone: true, usage: usageOf(stored) };
    });
    const step: Item = { type: "step", path, namespace: data.namespace, values: data.values, at };
    return { ...append({ ...run, items }, step), nodes: nodeEnded(run.nodes, path, data.values, at) };
  },
  custom: (run, data) => append(run, { type: "custom", value: data.value }),
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

/** What an earlier attempt has finished is a step, unless nothing comes after it. */
function asStep(item: Item): Item {
  return item.type === "message" ? { ...item, channel: "step" } : item;
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
    item.type !== "message" || item.isDone ? item : { ...item, isDone: true, isIncomplete: isCutOff },
  );
  return { ...run, items, nodes: allEnded(run.nodes, at), endedAt: at };
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
