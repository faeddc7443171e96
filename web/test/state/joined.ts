/** A log with its pieces joined, as the server joins them (docs/reference/runs.md). */
import type { AnyEvent } from "../../src/state";

type Data = Readonly<Record<string, string | null>>;

const PIECES = ["token", "reasoning", "tool_call"];

export function joined(events: readonly AnyEvent[]): readonly AnyEvent[] {
  const found: AnyEvent[] = [];
  for (const each of events) {
    const last = found.at(-1);
    if (last && isNext(last, each)) found[found.length - 1] = { ...each, data: both(last.data, each.data) };
    else found.push(each);
  }
  return found;
}

function isNext(last: AnyEvent, next: AnyEvent): boolean {
  const [before, after] = [last.data as Data, next.data as Data];
  const isSame = ["message_id", "channel", "index"].every((name) => before[name] === after[name]);
  return PIECES.includes(next.kind) && last.kind === next.kind && isSame;
}

function both(before: unknown, after: unknown): Data {
  const [first, last] = [before as Data, after as Data];
  const names = ["text", "args", "name"].filter((name) => name in last);
  const added = names.map((name) => [name, (first[name] ?? "") + (last[name] ?? "")] as const);
  const calls = "call_id" in last ? { call_id: first["call_id"] ?? last["call_id"] ?? null } : {};
  return { ...first, ...Object.fromEntries(added), ...calls };
}
