/** What the keyboard stops at in the drawing: a node, or a sub-graph that is unfolded. */
import type { Words } from "../../words";
import type { Activity } from "../model/activity";
import { briefly, spent } from "../model/format";

export interface Stop {
  readonly isSelected: boolean;
  /** Whether Tab leads to it: to one in the drawing, from which the arrow keys lead to the others. */
  readonly isStop: boolean;
  readonly onSelect: () => void;
  readonly onToggle: () => void;
  readonly onFocus: () => void;
}

/** Returns what a screen reader reads of a node: first what is seen of it, in the same order. */
export function described(
  name: string,
  activity: Activity,
  now: number | null,
  words: Words,
  isGraph: boolean,
): string {
  const state = words.nodeStates[activity.state];
  const brief = briefly(activity, now, words);
  const seen = [isGraph ? words.subGraph(name) : name, brief, spent(activity, words)];
  const more = [
    brief.startsWith(state) ? "" : state,
    activity.running > 1 ? words.atOnce(activity.running) : "",
  ];
  return [seen.filter(Boolean).join(" "), ...more].filter(Boolean).join(", ");
}
