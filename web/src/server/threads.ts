/** A graph's threads: what was said in them, and what runs there. */
import { path, type Json } from "@seltzer/client";
import { client } from "./client";

/** A message of a thread's state, as LangChain writes it. */
export interface StoredMessage {
  readonly id: string | null;
  readonly type: string;
  readonly content: string | readonly Json[];
}

export interface Thread {
  readonly thread_id: string;
  readonly title: string;
  readonly status: "idle" | "busy" | "interrupted" | "error";
  /** The newest run. */
  readonly run_id: string | null;
  readonly values: unknown;
}

/** Asks for a thread with its state. Throws SeltzerError: `unknown_thread`. */
export function getThread(graph: string, threadId: string): Promise<Thread> {
  return client.request<Thread>("GET", path(graph, "threads", threadId));
}
