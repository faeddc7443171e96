/** What a checkpoint has changed: states as the server has shown them, of long lists perhaps the end alone. */
import { diff, type Change } from "./diff";
import { idOf } from "./ids";

/** omitted: by key, how many items are left out at the beginning of its list; null: the value isn't shown. */
export interface ShownState {
  readonly values: unknown;
  readonly omitted?: Readonly<Record<string, number | null>> | undefined;
}

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
  const others = Object.keys(now).flatMap((key) => {
    const [value, omitted] = [now[key], state.omitted?.[key]];
    const isKnown = Object.hasOwn(old, key);
    const list = isKnown ? old[key] : [];
    if (Array.isArray(value) && Array.isArray(list)) {
      return diffWindows(windowOf(list, before?.omitted?.[key]), windowOf(value, omitted), key);
    }
    return isKnown ? diff(old[key], value, [key]) : [{ kind: "added", path: [key], after: value } as const];
  });
  return [...removed, ...others].map(withoutRoot);
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
