/** What has gone wrong, in the reader's words. */
import { SeltzerError, ServerError } from "@seltzer/client";
import type { Words } from "../../words";
import type { Question } from "./turn";

/** A request that was refused. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  /** The field that the server names, as in `input.topic`; empty: none. */
  readonly field: string;
  /** What is tried again, once something has changed: with which `on_busy`. */
  readonly again: ((onBusy: OnBusy) => void) | null;
  /** What was asked and not accepted: it goes back to where it was written. */
  readonly question: Question | null;
}

export type OnBusy = "enqueue" | "interrupt" | "rollback";

export function troubleOf(
  error: SeltzerError,
  again: Trouble["again"] = null,
  question: Question | null = null,
): Trouble {
  const isField = error instanceof ServerError && error.status === 422;
  const [, field = "", reason = error.message] = isField
    ? (/^([\w.[\]-]+): ([^]*)$/.exec(error.message) ?? [])
    : [];
  return { code: error.code, message: reason, field, again, question };
}

/** Returns what a code means and what can be done; null of a code without words of its own. */
export function wordsOf(words: Words, code: string): string | null {
  const name = WORDS[code];
  return name === undefined ? null : words[name];
}

type TextName = { [Name in keyof Words]: Words[Name] extends string ? Name : never }[keyof Words];

const WORDS: Readonly<Record<string, TextName>> = {
  thread_busy: "errBusy",
  thread_interrupted: "errInterrupted",
  not_interrupted: "errNotInterrupted",
  unknown_thread: "errUnknownThread",
  unknown_run: "errUnknownRun",
  unknown_checkpoint: "errUnknownCheckpoint",
  stream_gap: "errStreamGap",
  run_deleted: "errUnknownRun",
  body_too_large: "errTooLarge",
  invalid_input: "errInvalid",
  too_many_runs: "errTooMany",
  run_timeout: "errTimeout",
  node_timeout: "errTimeout",
  step_limit: "errSteps",
  graph_changed: "errGraphChanged",
  graph_gone: "errGraphGone",
  graph_broken: "errGraphGone",
  graph_error: "errGraph",
  state_not_storable: "errNotStorable",
  run_crashed: "errCrashed",
  client_gone: "errCrashed",
  internal_error: "errInternal",
  storage_failed: "errStorage",
  server_draining: "errDraining",
  demo_failure: "errDemo",
  context_length_exceeded: "errContextLength",
  upstream_rate_limited: "errRateLimited",
  upstream_auth: "errAuth",
  model_not_found: "errModel",
  upstream_error: "errUpstream",
  upstream_malformed: "errUpstream",
  upstream_disconnected: "errDisconnected",
  upstream_truncated: "errDisconnected",
  upstream_timeout: "errUpstreamTimeout",
};
