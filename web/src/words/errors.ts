/** What the codes of errors mean, in the reader's words. */
import type { Words } from "./en";

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
