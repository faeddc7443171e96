/** A run's events -> the lanes of its time line: one for each node and each tool, in the order of their first. */
import type { EventData } from "@seltzer/client";
import { names, type AnyEvent } from "../../state";

/** running: it hadn't ended at the last event. cut: the run, or its attempt, ended first. */
export type SpanStatus = "running" | "done" | "error" | "cut";

/** A stretch of time. In a node's lane a `call` is a model's, which lies within a span of the node. */
export interface Span {
  readonly kind: "node" | "call" | "tool";
  readonly from: number;
  readonly to: number;
  readonly status: SpanStatus;
}

export interface Mark {
  readonly at: number;
  readonly kind: string;
}

export interface Lane {
  readonly key: string;
  /** other: the events of no node, such as questions, and those of unknown kinds. */
  readonly kind: "node" | "tool" | "other";
  /** The nodes around it and its own name. */
  readonly path: readonly string[];
  readonly spans: readonly Span[];
  /** When each piece of text came. */
  readonly tokens: readonly number[];
  readonly marks: readonly Mark[];
}

export interface Lanes {
  readonly lanes: readonly Lane[];
  /** Where a later attempt begins. */
  readonly attempts: readonly { readonly attempt: number; readonly at: number }[];
  readonly totalMs: number;
}

/**
 * Returns the lanes of a run. at: when each of its events was emitted. steps: which nodes have run at once, step by
 * step; without it, a node that has written nothing counts as begun when the one before it had ended.
 */
export function lanesOf(
  events: readonly AnyEvent[],
  at: readonly number[],
  steps: readonly (readonly string[])[] = [],
): Lanes {
  const drawing = new Drawing(events.some((each) => each.attempt > 1) ? [] : steps);
  events.forEach((event, index) => drawing.add(event, at[index] ?? 0));
  return drawing.done();
}

type Open = { -readonly [K in keyof Span]: Span[K] };

interface OpenLane extends Lane {
  readonly spans: Open[];
  /** Those of the spans that haven't ended. */
  open: Open[];
  readonly tokens: number[];
  readonly marks: Mark[];
}

/** Where a message is written. */
interface Writing {
  readonly lane: OpenLane;
  readonly span: Open;
}

const QUIET = new Set(["started", "state", "retracted", "checkpoint", "finished", "cancelled"]);

class Drawing {
  private readonly lanes = new Map<string, OpenLane>();
  private readonly attempts: { attempt: number; at: number }[] = [];
  /** Where the next step of each namespace begins: where its last one has ended. */
  private readonly steps = new Map<string, number>();
  private readonly messages = new Map<string, Writing>();
  /** The calls of tools that have no result, by their ids; and the one that each piece belongs to. */
  private readonly calls = new Map<string, Open>();
  private readonly pieces = new Map<string, string>();
  private readonly waiting: string[][];
  private begun = 0;
  private now = 0;

  constructor(steps: readonly (readonly string[])[]) {
    this.waiting = steps.map((each) => [...each]);
  }

  add(event: AnyEvent, at: number): void {
    this.now = Math.max(this.now, at);
    const add = Object.hasOwn(ADDING, event.kind) ? ADDING[event.kind] : undefined;
    try {
      if (add) return add(this, event.data as never, this.now, event.attempt);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // not of its kind's shape
    }
    if (!QUIET.has(event.kind) || add) this.other(event.kind);
  }

  done(): Lanes {
    for (const lane of this.lanes.values()) for (const span of lane.open) span.to = this.now;
    return { lanes: [...this.lanes.values()], attempts: this.attempts, totalMs: this.now };
  }

  start(attempt: number): void {
    if (attempt > 1) {
      this.end("cut");
      this.attempts.push({ attempt, at: this.now });
    }
    this.begun = this.now;
    for (const each of [this.steps, this.messages, this.calls, this.pieces]) each.clear();
  }

  end(status: SpanStatus): void {
    for (const lane of this.lanes.values()) this.close(lane, status);
  }

  message(data: EventData["message"]): void {
    const lane = this.node([...names(data.namespace), data.node].filter(Boolean), data.namespace);
    const span = this.open(lane, "call");
    this.messages.set(data.message_id, { lane, span });
  }

  text(messageId: string): void {
    const writing = this.messages.get(messageId);
    if (!writing) return;
    writing.lane.tokens.push(this.now);
    writing.span.to = this.now;
  }

  call(data: EventData["tool_call"]): void {
    const writing = this.messages.get(data.message_id);
    if (writing) writing.span.to = this.now;
    const piece = `${data.message_id} ${data.index}`;
    const id = data.call_id ?? this.pieces.get(piece);
    if (!id) return;
    this.pieces.set(piece, id);
    const known = this.calls.get(id);
    if (known) known.from = known.to = this.now;
    else if (data.name) {
      this.calls.set(id, this.open(this.lane("tool", [data.name]), "tool"));
    }
  }

  result(data: EventData["tool_result"]): void {
    const status = data.status === "error" ? "error" : "done";
    const known = this.calls.get(data.call_id);
    this.calls.delete(data.call_id);
    const span = known ?? this.open(this.lane("tool", [data.name ?? ""]), "tool");
    Object.assign(span, { to: this.now, status });
    for (const lane of this.lanes.values()) {
      if (lane.kind === "tool") lane.open = lane.open.filter((each) => each !== span);
    }
  }

  update(data: EventData["update"]): void {
    const { namespace } = data;
    const lane = this.node([...names(namespace), data.node], namespace);
    this.close(lane, "done");
    if (namespace.length === 0 && this.isStepOpen(data.node)) return;
    this.steps.set(namespace.join("|"), this.now);
  }

  /** Whether other nodes of the step still run, now that this one has ended. */
  private isStepOpen(node: string): boolean {
    const [step] = this.waiting;
    const place = step?.indexOf(node) ?? -1;
    if (step === undefined || place < 0) return false;
    step.splice(place, 1);
    if (step.length === 0) this.waiting.shift();
    return step.length > 0;
  }

  other(kind: string): void {
    this.lane("other", []).marks.push({ at: this.now, kind });
  }

  /** Returns a node's lane, in which the node is at work, as are those around it. */
  private node(path: readonly string[], namespace: readonly string[]): OpenLane {
    let lane = this.lane("node", path.slice(0, 1));
    for (let depth = 1; depth <= path.length; depth++) {
      lane = this.lane("node", path.slice(0, depth));
      const isAtWork = lane.open.some((each) => each.kind === "node");
      if (!isAtWork) this.open(lane, "node", this.stepOf(namespace.slice(0, depth - 1)));
    }
    return lane;
  }

  /** Returns when the current step of a namespace has begun: a new one's with the step around it. */
  private stepOf(namespace: readonly string[]): number {
    for (let depth = namespace.length; depth >= 0; depth--) {
      const known = this.steps.get(namespace.slice(0, depth).join("|"));
      if (known !== undefined) return known;
    }
    return this.begun;
  }

  private lane(kind: Lane["kind"], path: readonly string[]): OpenLane {
    const key = `${kind}:${path.join("/")}`;
    const known = this.lanes.get(key);
    if (known) return known;
    const made: OpenLane = { key, kind, path, spans: [], open: [], tokens: [], marks: [] };
    this.lanes.set(key, made);
    return made;
  }

  private open(lane: OpenLane, kind: Span["kind"], from = this.now): Open {
    const span: Open = { kind, from, to: this.now, status: "running" };
    lane.spans.push(span);
    lane.open.push(span);
    return span;
  }

  /** Ends what is open in a lane; a model's call has ended with its last piece. */
  private close(lane: OpenLane, status: SpanStatus): void {
    for (const span of lane.open) {
      if (span.kind !== "call" || status !== "done") span.to = this.now;
      span.status = status;
    }
    lane.open = [];
  }
}

type Adding = (drawing: Drawing, data: never, at: number, attempt: number) => void;

const ADDING: Readonly<Record<string, Adding>> = {
  started: (drawing, _data, _at, attempt) => drawing.start(attempt),
  message: (drawing, data: EventData["message"]) => drawing.message(data),
  token: (drawing, data: EventData["token"]) => drawing.text(data.message_id),
  reasoning: (drawing, data: EventData["reasoning"]) => drawing.text(data.message_id),
  tool_call: (drawing, data: EventData["tool_call"]) => drawing.call(data),
  tool_result: (drawing, data: EventData["tool_result"]) => drawing.result(data),
  update: (drawing, data: EventData["update"]) => drawing.update(data),
  finished: (drawing) => drawing.end("done"),
  interrupted: (drawing) => drawing.end("cut"),
  cancelled: (drawing) => drawing.end("cut"),
  failed: (drawing) => drawing.end("error"),
};
