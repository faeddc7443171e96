/** The golden logs, which the server's own tests record. */
import { readFileSync, readdirSync } from "node:fs";
import type { TurnInfo } from "../../src/server/turns";
import type { AnyEvent } from "../../src/state";

const FOLDER = new URL("../../../tests/golden/", import.meta.url);

export interface GoldenRun {
  readonly given: Record<string, unknown>;
  readonly events: readonly AnyEvent[];
}

export interface GoldenLog {
  readonly name: string;
  readonly runs: readonly GoldenRun[];
  /** The thread as it is stored after the runs. */
  readonly thread: { readonly values: unknown; readonly interrupts: readonly unknown[] };
  /** The newest run. */
  readonly run: { readonly status: string; readonly output: unknown };
  /** The turns of the thread's newest branch, with the runs that wrote them. */
  readonly turns: readonly TurnInfo[];
}

type Line =
  | Pick<GoldenLog, "thread" | "run" | "turns">
  | { run: number; given: Record<string, unknown> }
  | { run: number; id: string; kind: string; data: unknown };

export const GOLDEN: readonly GoldenLog[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".jsonl"))
  .sort()
  .map((name) => read(name.replace(".jsonl", ""), readFileSync(new URL(name, FOLDER), "utf8")));

export function golden(name: string): GoldenLog {
  const found = GOLDEN.find((each) => each.name === name);
  if (!found) throw new Error(`there is no golden log ${name}`);
  return found;
}

function read(name: string, text: string): GoldenLog {
  const runs: { given: Record<string, unknown>; events: AnyEvent[] }[] = [];
  let end: Pick<GoldenLog, "thread" | "run" | "turns"> = {
    thread: { values: null, interrupts: [] },
    run: { status: "", output: null },
    turns: [],
  };
  for (const each of text.trim().split("\n")) {
    const line = JSON.parse(each) as Line;
    if ("thread" in line) end = line;
    else if ("given" in line) runs.push({ given: line.given, events: [] });
    else runs[line.run - 1]?.events.push(event(line.id, line.kind, line.data));
  }
  return { name, runs, ...end };
}

export function event(id: string, kind: string, data: unknown): AnyEvent {
  const [attempt = 0, seq = 0] = id.split("-").map(Number);
  return { id, attempt, seq, kind, data };
}
