/** Numbers as people read them. */
import type { Words } from "../../words";
import type { Activity } from "./activity";
import type { NodeRun } from "./execution";

/** Returns how long something took, or takes. */
export function duration(ms: number, words: Words): string {
  const time = Math.max(0, ms);
  if (time < 995) return words.tookMs(String(Math.round(time)));
  if (time < 59_500)
    return words.tookSeconds(time < 9_950 ? (time / 1000).toFixed(1) : String(Math.round(time / 1000)));
  const seconds = Math.round(time / 1000);
  return words.tookMinutes(String(Math.floor(seconds / 60)), String(seconds % 60));
}

/** Returns a count of tokens: short where it is large. */
export function count(tokens: number): string {
  if (tokens < 10_000) return String(tokens);
  return tokens < 999_500
    ? `${(tokens / 1000).toFixed(tokens < 99_950 ? 1 : 0)}k`
    : `${(tokens / 1e6).toFixed(1)}M`;
}

/** Returns how long a run of a node has taken; null if that isn't known. now: for one that is at work. */
export function lengthOf(run: NodeRun, now: number | null): number | null {
  const end = run.isOpen ? now : run.endedAt;
  return run.startedAt === null || end === null ? null : Math.max(0, end - run.startedAt);
}

/** Returns for how long a node was at work, in any of its runs; null if that isn't known. */
export function timeOf(activity: Activity, now: number | null): number | null {
  const spans = activity.runs
    .map((run) => ({ from: run.startedAt, to: run.isOpen ? now : run.endedAt }))
    .filter((span): span is { from: number; to: number } => span.from !== null && span.to !== null)
    .sort((one, other) => one.from - other.from);
  if (!spans.length) return null;
  let [time, until] = [0, -Infinity];
  for (const { from, to } of spans) {
    time += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return time;
}

/** Returns what a node has done, in a few words: its state where that needs saying, its runs and its time. */
export function briefly(activity: Activity, now: number | null, words: Words): string {
  const { state, runs } = activity;
  if (state === "idle") return "";
  const ended = runs.filter((run) => !run.isOpen).length;
  const time = timeOf(activity, now);
  const isPlain = state === "running" || state === "done";
  const parts = [
    isPlain && time !== null ? "" : words.nodeStates[state],
    ended > 1 ? words.times(ended) : "",
    time === null ? "" : duration(time, words),
  ];
  return parts.filter(Boolean).join(" · ");
}

/** Returns what a node has cost, in a few words; empty if nobody has counted it. */
export function spent(activity: Activity, words: Words): string {
  const { cost } = activity;
  if (!cost?.totalTokens) return "";
  const tokens = words.inAndOut(count(cost.inputTokens), count(cost.outputTokens));
  return cost.money === null ? tokens : `${tokens} · ${money(cost.money)}`;
}

export const money = (amount: number): string => amount.toPrecision(3).replace(/\.?0+$/, "");
