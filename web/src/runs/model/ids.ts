/** Items of lists that have ids, as messages have. */

/** Returns an item's id; null if it has none. */
export function idOf(item: unknown): string | null {
  if (typeof item !== "object" || item === null || !Object.hasOwn(item, "id")) return null;
  const { id } = item as { readonly id: unknown };
  return typeof id === "string" && id !== "" ? id : null;
}

/**
 * Pairs the indices of the items that both lists have, by their ids.
 *
 * Returns null if an item has no id, or an id is there twice, or the items are in another order now: then ids
 * don't say what has become of what.
 */
export function byId(
  before: readonly unknown[],
  after: readonly unknown[],
): readonly [number, number][] | null {
  const places = placesOf(before);
  const later = placesOf(after);
  if (places === null || later === null) return null;
  const pairs: [number, number][] = [];
  for (const [id, to] of later) {
    const from = places.get(id);
    if (from === undefined) continue;
    if (from < (pairs.at(-1)?.[0] ?? 0)) return null;
    pairs.push([from, to]);
  }
  return pairs;
}

function placesOf(list: readonly unknown[]): ReadonlyMap<string, number> | null {
  const places = new Map<string, number>();
  for (const [index, item] of list.entries()) {
    const id = idOf(item);
    if (id === null || places.has(id)) return null;
    places.set(id, index);
  }
  return places;
}
