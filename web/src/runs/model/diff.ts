/** What has changed between two JSON values, by path. */
import { byId, idOf } from "./ids";

export type Path = readonly (string | number)[];

/** A path's index in a list counts in the list after the change, that of a removed item in the list before. */
export type Change =
  | { readonly kind: "added"; readonly path: Path; readonly after: unknown }
  | { readonly kind: "removed"; readonly path: Path; readonly before: unknown }
  | { readonly kind: "changed"; readonly path: Path; readonly before: unknown; readonly after: unknown };

export type Fields = Readonly<Record<string, unknown>>;

/** Returns the changes that make `after` of `before`. Lists of items with ids are compared by these. */
export function diff(before: unknown, after: unknown, path: Path = []): readonly Change[] {
  if (Object.is(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) return diffLists(before, after, path);
  if (isFields(before) && isFields(after)) return diffFields(before, after, path);
  return [{ kind: "changed", path, before, after }];
}

function diffFields(before: Fields, after: Fields, path: Path): readonly Change[] {
  const removed = Object.keys(before)
    .filter((name) => !Object.hasOwn(after, name))
    .map((name): Change => ({ kind: "removed", path: [...path, name], before: before[name] }));
  const others = Object.keys(after).flatMap((name): readonly Change[] =>
    Object.hasOwn(before, name)
      ? diff(before[name], after[name], [...path, name])
      : [{ kind: "added", path: [...path, name], after: after[name] }],
  );
  return [...removed, ...others];
}

function diffLists(before: readonly unknown[], after: readonly unknown[], path: Path): readonly Change[] {
  const pairs = byId(before, after) ?? byPlace(before, after);
  const kept = new Map(pairs.map(([from, to]) => [to, from]));
  const left = new Set(pairs.map(([from]) => from));
  const removed = before.flatMap((item, index): Change[] =>
    left.has(index) ? [] : [{ kind: "removed", path: [...path, index], before: item }],
  );
  const others = after.flatMap((item, index): readonly Change[] => {
    const from = kept.get(index);
    if (from === undefined) return [{ kind: "added", path: [...path, index], after: item }];
    return diff(before[from], item, [...path, index]);
  });
  return [...removed, ...others];
}

/** Pairs the items of two lists: those that are the same at both ends, and between them one with the other. */
function byPlace(before: readonly unknown[], after: readonly unknown[]): readonly [number, number][] {
  const shortest = Math.min(before.length, after.length);
  let first = 0;
  while (first < shortest && areSame(before[first], after[first])) first++;
  let last = 0;
  while (last < shortest - first && areSame(before.at(-1 - last), after.at(-1 - last))) last++;
  const inner = Array.from({ length: shortest - last }, (_, at): [number, number] => [at, at]);
  const end = Array.from({ length: last }, (_, at): [number, number] => [
    before.length - last + at,
    after.length - last + at,
  ]);
  return [...inner, ...end];
}

function areSame(one: unknown, other: unknown): boolean {
  return idOf(one) === idOf(other) && diff(one, other).length === 0;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
