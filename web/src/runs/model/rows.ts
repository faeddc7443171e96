/** The rows of a long list: which are in sight, and where to scroll. All are of one height. */
import { countAt } from "./times";

/** Returns the rows to render, with some before and after those in sight: from, to (exclusive). */
export function rowsIn(scrollTop: number, heightPx: number, rowPx: number, count: number, more = 12) {
  const from = Math.max(0, Math.min(count, Math.floor(scrollTop / rowPx)) - more);
  const to = Math.min(count, Math.ceil((scrollTop + heightPx) / rowPx) + more);
  return { from, to: Math.max(from, to) };
}

/** Returns where a list is scrolled to for a row to be in sight: nowhere else if it is. */
export function scrollFor(row: number, scrollTop: number, heightPx: number, rowPx: number): number {
  const [top, bottom] = [row * rowPx, (row + 1) * rowPx];
  const isNear = top >= scrollTop - heightPx && bottom <= scrollTop + 2 * heightPx;
  if (!isNear) return Math.max(0, top - (heightPx - rowPx) / 2);
  if (top < scrollTop) return top;
  return bottom > scrollTop + heightPx ? bottom - heightPx : scrollTop;
}

/** Returns which of the rows is the last one up to a place; -1: none is. rows: places, in their order. */
export function rowAt(rows: readonly number[], place: number): number {
  return countAt(rows, place) - 1;
}

const PREVIEW_CHARS = 120;

/** What says most of an event, if it has it. */
const TELLING = ["text", "args", "content", "code", "node"];

/** Returns what an event's data is about, in a line. */
export function previewOf(data: unknown): string {
  const fields = Object(data) as Readonly<Record<string, unknown>>;
  const text = TELLING.map((each) => fields[each]).find((each) => typeof each === "string");
  const name = typeof fields["name"] === "string" ? `${fields["name"]} ` : "";
  const line = typeof text === "string" ? name + text : (JSON.stringify(data) ?? "");
  return line.length > PREVIEW_CHARS ? `${line.slice(0, PREVIEW_CHARS)}…` : line;
}
