/** The list of runs: which are asked for, and how a page of newer answers joins those that are shown. */
import type { RunStatus } from "@seltzer/client";
import type { RunSummary } from "../../server/runs";

export const STATUSES: readonly RunStatus[] = [
  "running",
  "pending",
  "success",
  "interrupted",
  "error",
  "cancelled",
];

/** What is filtered by; null: everything. */
export interface Filter {
  readonly graph: string | null;
  readonly status: RunStatus | null;
  readonly thread: string | null;
}

export const isActive = (status: RunStatus): boolean => status === "running" || status === "pending";

/** Returns the runs with a page of the newest, which is newer than they are: of both, each once. */
export function refreshed(
  runs: readonly RunSummary[],
  page: readonly RunSummary[],
  isWhole: boolean,
): readonly RunSummary[] {
  const last = page.at(-1)?.run_id;
  const place = runs.findIndex((each) => each.run_id === last);
  if (isWhole) return page;
  return joined(page, place < 0 ? [] : runs.slice(place + 1));
}

/** Returns the runs with a later page at their end. */
export function joined(runs: readonly RunSummary[], page: readonly RunSummary[]): readonly RunSummary[] {
  const known = new Set(runs.map((each) => each.run_id));
  return [...runs, ...page.filter((each) => !known.has(each.run_id))];
}
