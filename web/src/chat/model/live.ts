/** A run's events -> its turn. Pure: reduce(turn, event, now) is all there is to it. */
import type { RunEvent } from "@seltzer/client";
import { UNSEEN, type Block, type Time, type Turn } from "./blocks";
import { appended, changed, closed, has, merged, put, UNNAMED } from "./edit";
import { isRecord, listOf, textField, type JsonObject } from "./json";
import { blocksOf, messagesOf, reasoningKey, textKey, toolKey, turnsOf } from "./stored";

/** Any event: one of a newer server may be of a kind that isn't known here. */
export interface AnyEvent {
  readonly id: string;
  readonly attempt: number;
  readonly kind: string;
  readonly data: unknown;
}

/** Where the messages and calls of a run belong, while it is followed. */
export interface Live {
  readonly turn: Turn;
  /** What the turn had before this run: an earlier run's, whose question this one answers. */
  readonly base: readonly Block[];
  /** A message's node and the group that it belongs to. */
  readonly places: ReadonlyMap<string, Place>;
  /** The call of each index of a message. */
  readonly calls: ReadonlyMap<string, string>;
}

interface Place {
  readonly node: string;
  readonly namespace: readonly string[];
}

export function began(turn: Turn, runId: string | null): Live {
  const fresh = { ...turn, runId, ending: null, failure: null, interrupts: [], output: null, usage: null };
  return { turn: fresh, base: turn.blocks, places: new Map(), calls: new Map() };
}

/** Returns the run after an event. now: the time in milliseconds; null where it says nothing, as in a replay. */
export function reduce(live: Live, event: RunEvent | AnyEvent, now: number | null): Live {
  const known = event as RunEvent;
  switch (known.kind) {
    case "started":
      return started(live, known.data.attempt, known.data.run_id);
    case "state":
      return restored(live, known.data.values);
    case "message": {
      const { node, namespace } = known.data;
      return { ...live, places: new Map(live.places).set(known.data.message_id, { node, namespace }) };
    }
    case "token":
      return token(live, known.data, now);
    case "reasoning":
      return reasoning(live, known.data, now);
    case "tool_call":
      return toolCall(live, known.data, now);
    case "tool_result":
      return toolResult(live, known.data, now);
    case "retracted":
      return edit(live, (blocks) =>
        changed(blocks, textKey(known.data.message_id), (block) =>
          block.kind === "text" ? { ...block, isStep: true } : block,
        ),
      );
    default:
      return rest(live, event, now);
  }
}

function rest(live: Live, event: RunEvent | AnyEvent, now: number | null): Live {
  const known = event as RunEvent;
  switch (known.kind) {
    case "update":
      return update(live, known.id, known.data, now);
    case "custom":
      return add(live, { kind: "data", key: `custom:${known.id}`, name: null, value: known.data.value });
    case "checkpoint":
      return live;
    case "interrupt":
      return { ...live, turn: { ...live.turn, interrupts: known.data.interrupts } };
    case "finished":
      return ended(live, now, {
        ending: "finished",
        usage: known.data.usage,
        durationMs: known.data.duration_ms,
      });
    case "failed": {
      const { code, message, retry_after_s: retryAfterS } = known.data;
      return ended(live, now, { ending: "failed", failure: { code, message, retryAfterS } });
    }
    case "cancelled":
      return ended(live, now, { ending: "cancelled" });
    case "interrupted":
      return ended(live, now, { ending: "interrupted", interrupts: known.data.interrupts });
    default: {
      const { id, kind, data } = event as AnyEvent;
      return add(live, { kind: "data", key: `event:${id}`, name: kind, value: data });
    }
  }
}

/** A new attempt: what the one before it has shown is forgotten. */
function started(live: Live, attempt: number, runId: string): Live {
  const turn = { ...live.turn, runId, attempt, blocks: live.base, interrupts: [] };
  return { ...live, turn, places: new Map(), calls: new Map() };
}

/** The values an attempt begins with are the truth: of a taken-over run, what its earlier attempt has kept. */
function restored(live: Live, values: unknown): Live {
  const last = turnsOf(messagesOf(values)).at(-1);
  const id = live.turn.question?.id;
  if (live.turn.attempt === 1 || last === undefined || (id && id !== last.question?.id)) return live;
  return edit(live, () => merged(last.blocks, live.base));
}

function token(live: Live, data: { message_id: string; text: string; channel: string }, now: number | null) {
  const key = textKey(data.message_id);
  const place = live.places.get(data.message_id);
  const isStep = data.channel === "step";
  return edit(live, (before) => {
    const blocks = thought(before, data.message_id, now);
    if (has(blocks, key)) {
      return changed(blocks, key, (block) =>
        block.kind === "text" ? { ...block, text: block.text + data.text } : block,
      );
    }
    const text = { text: data.text, isStep, isIncomplete: false, node: place?.node ?? "", files: [] };
    return put(blocks, isStep ? pathOf(place) : [], { kind: "text", key, ...text });
  });
}

function reasoning(live: Live, data: { message_id: string; text: string }, now: number | null): Live {
  const key = reasoningKey(data.message_id);
  return edit(live, (blocks) => {
    if (has(blocks, key)) {
      return changed(blocks, key, (block) =>
        block.kind === "reasoning" ? { ...block, text: block.text + data.text } : block,
      );
    }
    const time: Time = { from: now, to: null };
    return put(blocks, pathOf(live.places.get(data.message_id)), {
      kind: "reasoning",
      key,
      text: data.text,
      time,
    });
  });
}

type CallData = Extract<RunEvent, { kind: "tool_call" }>["data"];

function toolCall(live: Live, data: CallData, now: number | null): Live {
  const index = `${data.message_id} ${data.index}`;
  const callId = data.call_id ?? live.calls.get(index) ?? index;
  const key = toolKey(callId);
  const calls = live.calls.has(index) ? live.calls : new Map(live.calls).set(index, callId);
  return edit({ ...live, calls }, (before) => {
    const blocks = thought(before, data.message_id, now);
    if (has(blocks, key)) {
      return changed(blocks, key, (block) =>
        block.kind === "tool"
          ? { ...block, name: block.name || (data.name ?? ""), args: block.args + (data.args ?? "") }
          : block,
      );
    }
    return put(blocks, pathOf(live.places.get(data.message_id)), {
      kind: "tool",
      key,
      name: data.name ?? "",
      args: data.args ?? "",
      status: "running",
      result: undefined,
      time: { from: now, to: null },
    });
  });
}

type ResultData = Extract<RunEvent, { kind: "tool_result" }>["data"];

function toolResult(live: Live, data: ResultData, now: number | null): Live {
  const key = toolKey(data.call_id);
  return edit(live, (blocks) => {
    if (has(blocks, key)) {
      return changed(blocks, key, (block) =>
        block.kind === "tool"
          ? { ...block, status: data.status, result: data.content, time: { ...block.time, to: now } }
          : block,
      );
    }
    const { name, status, content: result } = data;
    return appended(blocks, { kind: "tool", key, name: name ?? "", args: "", status, result, time: UNSEEN });
  });
}

type UpdateData = Extract<RunEvent, { kind: "update" }>["data"];

/** A node has written: what was not streamed is put in from its messages, and what isn't messages is a step. */
function update(live: Live, id: string, data: UpdateData, now: number | null): Live {
  const { node, namespace, values } = data;
  const place = pathOf({ node, namespace });
  const messages = listOf(isRecord(values) ? values["messages"] : null).filter(isRecord);
  const others = isRecord(values)
    ? Object.fromEntries(Object.entries(values).filter(([name]) => name !== "messages"))
    : values;
  return edit(live, (before) => {
    let blocks = before;
    for (const message of messages) blocks = thought(blocks, textField(message, "id"), now);
    for (const block of blocksOf(named(messages, id))) {
      if (!has(blocks, block.key)) blocks = put(blocks, place, block);
    }
    const isEmpty = others === null || (isRecord(others) && Object.keys(others).length === 0);
    if (!isEmpty) blocks = put(blocks, place, { kind: "step", key: `step:${id}`, node, values: others });
    return blocks;
  });
}

/** A message gets its id when it is put into the state: until then it has the event's. */
function named(messages: readonly JsonObject[], eventId: string): readonly JsonObject[] {
  return messages.map((each, at) => (each["id"] ? each : { ...each, id: `${UNNAMED}${eventId}:${at}` }));
}

function ended(live: Live, now: number | null, change: Partial<Turn>): Live {
  const isWaiting = change.ending === "interrupted";
  return { ...live, turn: { ...live.turn, ...change, blocks: closed(live.turn.blocks, now, isWaiting) } };
}

/** The end of a message's thinking: something else of it has come. */
function thought(blocks: readonly Block[], messageId: string, now: number | null): readonly Block[] {
  const key = reasoningKey(messageId);
  if (!has(blocks, key)) return blocks;
  return changed(blocks, key, (block) =>
    block.kind === "reasoning" && block.time.to === null
      ? { ...block, time: { ...block.time, to: now } }
      : block,
  );
}

const pathOf = (place: Place | undefined): readonly string[] => place?.namespace ?? [];

const add = (live: Live, block: Block): Live => edit(live, (blocks) => appended(blocks, block));

function edit(live: Live, change: (blocks: readonly Block[]) => readonly Block[]): Live {
  const blocks = change(live.turn.blocks);
  return blocks === live.turn.blocks ? live : { ...live, turn: { ...live.turn, blocks } };
}
