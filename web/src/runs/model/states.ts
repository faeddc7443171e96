/** What a checkpoint has changed: states as the server has shown them, of long lists perhaps the end alone. */
import { diff, type Change } from "./diff";
import type { ShownState, StoredState } from "../../server/runs";
import { idOf } from "./ids";

type Fields = Readonly<Record<string, unknown>>;

export const ROOT = "__root__";

/** Returns the values by key: of a state that is no object, as `__root__`. */
export function named(values: unknown): Fields {
  const isFields = typeof values === "object" && values !== null && !Array.isArray(values);
  return isFields ? (values as Fields) : values === null || values === undefined ? {} : { [ROOT]: values };
}

/** Returns what the state has that the one before it hasn't, as far as both are shown; before: null for none. */
export function changesOf(state: ShownState, before: ShownState | null): readonly Change[] {
  const [old, now] = [named(before?.values), named(state.values)];
  const removed = Object.keys(old)
    .filter((key) => !Object.hasOwn(now, key) && !Object.hasOwn(state.omitted ?? {}, key))
    .map((key): Change => ({ kind: "removed", path: [key], before: old[key] }));
  const others = Object.keys(now).flatMap((key) => changesAt(key, old, now, before, state));
  return [...removed, ...others].map(withoutRoot);
}

function changesAt(
  key: string,
  old: Fields,
  now: Fields,
  before: ShownState | null,
  state: ShownState,
): readonly Change[] {
  const value = now[key];
  const omitted = before?.omitted ?? {};
  if (!Object.hasOwn(old, key) && Object.hasOwn(omitted, key)) {
    return [{ kind: "changed", path: [key], before: undefined, after: value }];
  }
  const list = Object.hasOwn(old, key) ? old[key] : [];
  if (Array.isArray(value) && Array.isArray(list)) {
    return diffWindows(windowOf(list, omitted[key]), windowOf(value, state.omitted?.[key]), key);
  }
  if (Object.hasOwn(old, key)) return diff(old[key], value, [key]);
  return [{ kind: "added", path: [key], after: value }];
}

/** Returns which nodes have run at once, step by step, as a run's states have it; they are the newest first. */
export function stepsOf(states: readonly StoredState[]): readonly (readonly string[])[] {
  return states
    .flatMap(({ next }) => (next.length > 0 && next[0] !== "__start__" ? [next] : []))
    .toReversed();
}

/** Returns states, the newest first, with what the known ones have after the last of them. */
export function withRest<T extends Pick<StoredState, "checkpoint_id">>(
  found: readonly T[],
  known: readonly T[],
): readonly T[] {
  const last = found.at(-1)?.checkpoint_id;
  const at = known.findIndex((each) => each.checkpoint_id === last);
  return at < 0 ? found : [...found, ...known.slice(at + 1)];
}

/** The end of a list: start is the index of its first item. */
interface Window {
  readonly start: number;
  readonly items: readonly unknown[];
}

function windowOf(items: readonly unknown[], omitted: number | null | undefined): Window {
  return { start: omitted ?? 0, items };
}

/** Compares the ends of two lists. An item whose counterpart isn't shown counts as unchanged. */
function diffWindows(before: Window, after: Window, key: string): readonly Change[] {
  const from = Math.max(before.start, after.start);
  const known = new Set(after.items.slice(0, from - after.start).map(idOf));
  const old = before.items.slice(from - before.start).filter((item) => !isIn(known, item));
  const seen = new Set(before.items.slice(0, from - before.start).map(idOf));
  const skipped = after.items.slice(from - after.start);
  const now = skipped.filter((item) => !isIn(seen, item));
  const index = from + skipped.length - now.length;
  return diff(old, now, [key]).map((each) => shifted(each, each.kind === "removed" ? from : index));
}

const isIn = (ids: ReadonlySet<string | null>, item: unknown): boolean => {
  const id = idOf(item);
  return id !== null && ids.has(id);
};

function shifted(change: Change, by: number): Change {
  const [key = "", index, ...rest] = change.path;
  return typeof index === "number" ? { ...change, path: [key, index + by, ...rest] } : change;
}

function withoutRoot(change: Change): Change {
  return change.path[0] === ROOT ? { ...change, path: change.path.slice(1) } : change;
}
