/** A turn that is read again, from its thread and the logs of its runs, is shown as it was while it was written. */
import { ServerError } from "@seltzer/client";
import { expect, test, vi } from "vitest";
import { firstPage, overlaid, storedTurns, type Pages } from "../../src/chat/model/pages";
import { EMPTY_TURN, runOf, withRun, type Turn } from "../../src/chat/model/turn";
import { Past, type Source } from "../../src/chat/past";
import type { Thread } from "../../src/server/threads";
import type { TurnInfo } from "../../src/server/turns";
import { reduce, type AnyEvent, type Ended, type Entry } from "../../src/state";
import { GOLDEN, golden, type GoldenLog } from "../state/golden";
import { joined } from "../state/joined";
import { AT, conversation, info } from "./made";

function pagesOf(log: GoldenLog): Pages {
  const status = log.runs.at(-1)?.events.at(-1)?.kind as Ended["status"];
  return firstPage(log.thread as unknown as Thread, { status, output: log.run.output });
}

function logOf(log: GoldenLog, runId: string): readonly AnyEvent[] {
  const isIt = ({ data }: AnyEvent) => (data as { run_id?: string }).run_id === runId;
  return log.runs.find(({ events }) => events.some(isIt))?.events ?? [];
}

/** Returns the newest turn as whoever followed its runs has it. */
function followed(log: GoldenLog): Turn {
  const runs = log.turns[0]?.runs ?? [];
  const begun = log.turns.length > 1 && log.name === "client-tools" ? (log.turns[1]?.runs ?? []) : [];
  let turn: Turn = {
    ...EMPTY_TURN,
    detail: "all",
    question: storedTurns(pagesOf(log)).at(-1)?.question ?? null,
  };
  for (const { run_id: runId } of [...begun, ...runs]) {
    const run = logOf(log, runId).reduce((before, each) => reduce(before, each, AT), runOf(turn, undefined));
    turn = withRun(turn, run);
  }
  return turn;
}

/** Returns the newest turn as a page has it that has just been opened, before any log is read. */
function opened(log: GoldenLog): Turn {
  const { ending, failure, interrupts, runId } = followed(log);
  const stored = storedTurns(pagesOf(log)).at(-1) ?? EMPTY_TURN;
  return { ...stored, ending, failure, interrupts, runId };
}

function sourceOf(log: GoldenLog, given: Partial<Source> = {}): Source {
  return {
    turns: async () => ({ turns: log.turns, next_before: null }),
    log: async (runId) => logOf(log, runId).map((each): Entry => ({ event: each, at: AT })),
    ...given,
  };
}

/** Reads the turn from the logs, and returns how often a turn was read, and what is shown then. */
async function read(log: GoldenLog, turn: Turn, source: Source): Promise<[number, readonly Turn[]]> {
  const onRead = vi.fn();
  const past = new Past(source, onRead);
  past.show("t", pagesOf(log));
  past.look(turn);
  await settled();
  return [onRead.mock.calls.length, overlaid(pagesOf(log), [turn], past.turns)];
}

/** Waits until nothing is left to do: what the sources answer is there at once. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}

test.each(GOLDEN)("$name: a turn read again is the one that was followed", async (log) => {
  const live = overlaid(pagesOf(log), [followed(log)]).at(-1);

  const [count, turns] = await read(log, opened(log), sourceOf(log));

  expect(count).toBe(1);
  expect(turns.at(-1)).toEqual({ ...live, key: opened(log).key });
});

test.each(GOLDEN)("$name: joined pieces make the same turn", async (log) => {
  const source = sourceOf(log, {
    log: async (runId) => joined(logOf(log, runId)).map((each): Entry => ({ event: each, at: AT })),
  });

  const [, turns] = await read(log, opened(log), source);
  const [, whole] = await read(log, opened(log), sourceOf(log));

  expect(turns).toEqual(whole);
});

test.each(GOLDEN)("$name: without its logs a turn stays as the thread has it", async (log) => {
  const turn = opened(log);

  const [count, turns] = await read(log, turn, sourceOf(log, { log: async () => null }));

  expect(count).toBe(0);
  expect(turns).toEqual(overlaid(pagesOf(log), [turn]));
});

test("a turn is read once, unless its runs are others", async () => {
  const log = golden("tools");
  const asked: string[] = [];
  const turns = [...log.turns];
  const past = new Past(
    {
      turns: async () => ({ turns, next_before: null }),
      log: async (runId) => {
        asked.push(runId);
        return logOf(log, runId).map((each) => ({ event: each, at: AT }));
      },
    },
    () => past.show("t", pagesOf(log)),
  );
  const first = log.turns[0] as TurnInfo;

  past.show("t", pagesOf(log));
  for (const turn of [opened(log), opened(log)]) past.look(turn);
  await settled();
  past.show("t", { ...pagesOf(log), checkpointId: "later" });
  await settled();
  expect(asked).toHaveLength(1);
  turns[0] = { ...first, runs: [...first.runs, { run_id: "another", is_whole: true }] };
  past.show("t", { ...pagesOf(log), checkpointId: "later still" });
  await settled();

  expect(asked).toEqual([first.runs[0]?.run_id, first.runs[0]?.run_id, "another"]);
});

test("earlier turns are found on later pages of the list, the newest of those that wait first", async () => {
  const pages = conversation("a", "b", "c");
  const asked: string[] = [];
  const infos = ["c", "b", "a"].map((name) => info(name));
  const past = new Past(
    {
      turns: async (_, before) => {
        const at = before === null ? 0 : Number(before);
        return { turns: infos.slice(at, at + 1), next_before: at < 2 ? String(at + 1) : null };
      },
      log: async (runId) => {
        asked.push(runId);
        return [];
      },
    },
    () => undefined,
  );
  past.show("t", pages);
  for (const turn of storedTurns(pages)) past.look(turn);
  await settled();

  expect(asked).toEqual(["run a", "run c", "run b"]); // the first is read at once
});

test("a turn whose run is active elsewhere is read once that has ended", async () => {
  const log = golden("tools");
  let isActive = true;
  const source = sourceOf(log, {
    log: async (runId) =>
      logOf(log, runId)
        .slice(0, isActive ? -1 : undefined)
        .map((each) => ({ event: each, at: AT })),
  });
  const past = new Past(source, () => undefined);

  past.show("t", pagesOf(log));
  past.look(opened(log));
  await settled();
  const before = past.turns.size;
  isActive = false;
  past.show("t", { ...pagesOf(log), checkpointId: "later" });
  await settled();

  expect([before, past.turns.size]).toEqual([0, 1]);
});

test("what was refused because the thread has changed meanwhile is asked for again", async () => {
  const log = golden("tools");
  let asked = 0;
  const source = sourceOf(log, {
    turns: async () => {
      if (asked++ > 0) return { turns: log.turns, next_before: null };
      past.show("t", { ...pagesOf(log), checkpointId: "later" });
      throw new ServerError("unknown_checkpoint", "It is gone.", 404, 0);
    },
  });
  const past: Past = new Past(source, () => undefined);

  past.show("t", pagesOf(log));
  past.look(opened(log));
  await settled();

  expect([asked, past.turns.size]).toEqual([2, 1]);
});

test("another thread's turns aren't shown", async () => {
  const log = golden("tools");
  const past = new Past(sourceOf(log), () => undefined);
  past.show("t", pagesOf(log));
  past.look(opened(log));
  past.open("other");
  await settled();

  expect(past.turns.size).toBe(0);
});
