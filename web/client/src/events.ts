/** What a run emits: docs/reference/runs.md has each kind and its data. */

export type Json = unknown;

export interface Interrupt {
  id: string;
  value: Json;
}

export interface Usage {
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  [detail: string]: Json;
}

/** The data of an event, by its kind. */
export interface EventData {
  started: { graph: string; run_id: string; thread_id: string; attempt: number };
  state: { values: Json; omitted?: Record<string, number> };
  message: { message_id: string; node: string; namespace: string[]; model: string | null; held: boolean };
  token: { message_id: string; text: string; channel: "answer" | "step" };
  reasoning: { message_id: string; text: string };
  tool_call: {
    message_id: string;
    index: number;
    call_id: string | null;
    name: string | null;
    args: string | null;
  };
  tool_result: { call_id: string; name: string | null; content: Json; status: "success" | "error" };
  retracted: { message_id: string };
  update: { node: string; namespace: string[]; values: Json };
  custom: { value: Json };
  checkpoint: { checkpoint_id: string };
  interrupt: { interrupts: Interrupt[] };
  finished: { usage: Usage | null; duration_ms: number };
  failed: { code: string; message: string; retryable: boolean; retry_after_s: number | null };
  cancelled: { withdrawn?: string };
  interrupted: { interrupts: Interrupt[] };
}

export type Kind = keyof EventData;

/**
 * One thing a run emitted. `id` is its cursor, `attempt-seq`; seq counts 1, 2, 3 .. within an attempt.
 *
 * A newer server may send kinds that aren't listed here: let a `switch` over `kind` have a default.
 */
export type RunEvent = {
  [K in Kind]: { id: string; attempt: number; seq: number; kind: K; data: EventData[K] };
}[Kind];

export const LAST_KINDS: ReadonlySet<string> = new Set(["finished", "failed", "cancelled", "interrupted"]);

/** Whether it is the event that ends its run. */
export function isLast(event: { kind: string }): boolean {
  return LAST_KINDS.has(event.kind);
}

export type RunStatus = "pending" | "running" | "success" | "error" | "interrupted" | "cancelled";

export interface RunInfo {
  run_id: string;
  thread_id: string;
  graph: string;
  status: RunStatus;
  attempt: number;
  created_at: string;
  output: Json;
  error: EventData["failed"] | null;
  interrupts: Interrupt[];
}

/** How a run is started. Without a thread_id the server begins a new thread. */
export interface RunStart {
  /** A question, `{"messages": [..]}`, or what the graph's schema says; left out: the last turn runs again. */
  input?: Json;
  thread_id?: string;
  on_busy?: "reject" | "enqueue" | "interrupt" | "rollback";
  config?: {
    configurable?: Record<string, Json>;
    recursion_limit?: number;
    tags?: string[];
    metadata?: Record<string, Json>;
    run_name?: string;
  };
  context?: Record<string, Json>;
  from_checkpoint?: string;
  from_message?: string;
}

/** The answer to a run's only interrupt, to one of several, to all by their ids, or null at a breakpoint. */
export type RunAnswer = ({ resume: Json; interrupt_id?: string } | { answers: Record<string, Json> }) & {
  context?: Record<string, Json>;
};
