/** What has gone wrong. */
import { SeltzerError, ServerError } from "@seltzer/client";

/** A request that was refused. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  /** The field that the server names, as in `input.topic`; empty: none. */
  readonly field: string;
  /** What is tried again, once something has changed: with which `on_busy`. */
  readonly again: ((onBusy: OnBusy) => void) | null;
}

export type OnBusy = "enqueue" | "interrupt" | "rollback";

export function troubleOf(error: SeltzerError, again: Trouble["again"] = null): Trouble {
  const isField = error instanceof ServerError && error.status === 422;
  const [, field = "", reason = error.message] = isField
    ? (/^([\w.[\]-]+): ([^]*)$/.exec(error.message) ?? [])
    : [];
  return { code: error.code, message: reason, field, again };
}
