/** Makes the second value of the first one and the changes between them. */
import type { Change, Fields } from "../../src/runs/model/diff";

/** Returns what the changes make of a value. */
export function apply(value: unknown, changes: readonly Change[]): unknown {
  const whole = changes.find((each) => each.path.length === 0);
  if (whole) return whole.kind === "removed" ? undefined : whole.after;
  if (changes.length === 0) return value;
  return Array.isArray(value) ? applyToList(value, changes) : applyToFields(value as Fields, changes);
}

function applyToFields(fields: Fields, changes: readonly Change[]): Fields {
  const made = new Map(Object.entries(fields));
  for (const [name, own] of grouped(changes)) {
    const [only] = own;
    if (only?.kind === "removed" && only.path.length === 1) made.delete(String(name));
    else made.set(String(name), apply(fields[name], own.map(inner)));
  }
  return Object.fromEntries(made);
}

function applyToList(list: readonly unknown[], changes: readonly Change[]): readonly unknown[] {
  const own = changes.filter((each) => each.path.length === 1);
  const gone = new Set(own.filter((each) => each.kind === "removed").map((each) => each.path[0]));
  const made = list.filter((_, index) => !gone.has(index));
  for (const each of own) if (each.kind === "added") made.splice(Number(each.path[0]), 0, each.after);
  const rest = changes.filter((each) => each.path.length > 1 || each.kind === "changed");
  for (const [index, within] of grouped(rest)) {
    made[Number(index)] = apply(made[Number(index)], within.map(inner));
  }
  return made;
}

/** Groups changes by the first part of their paths. */
function grouped(changes: readonly Change[]): ReadonlyMap<string | number, readonly Change[]> {
  const groups = new Map<string | number, Change[]>();
  for (const each of changes) {
    const first = each.path[0] ?? "";
    groups.set(first, [...(groups.get(first) ?? []), each]);
  }
  return groups;
}

const inner = (change: Change): Change => ({ ...change, path: change.path.slice(1) });
