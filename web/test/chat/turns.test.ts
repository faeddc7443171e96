/** A turn is shown the same while it is written, replayed from its log, and read back from its thread. */
import { expect, test } from "vitest";
import { firstPage, storedTurns } from "../../src/chat/model/pages";
import { EMPTY_TURN, answerOf, completed, runOf, withRun, type Turn } from "../../src/chat/model/turn";
import type { Thread } from "../../src/server/threads";
import { keyOf, nested, reduce, type AiMessage, type Ended, type Group } from "../../src/state";
import { GOLDEN, type GoldenLog, type GoldenRun } from "../state/golden";

/**
 * Returns what both a thread and the events of its runs have of a turn.
 *
 * A thread can't know where in the graph a message was written, what nodes have written besides messages, custom
 * events, texts that the graph hasn't kept, and times. A run's events don't have the results that were put in for
 * open calls: by a client that runs its tools, or by the server, for a run that was stopped.
 */
function essence(turn: Turn, kept: ReadonlySet<string>, open: ReadonlySet<string>): unknown {
  const answer = answerOf(turn);
  const messages = turn.items.filter((each): each is AiMessage => each.type === "message");
  return {
    ending: turn.ending,
    answer: answer && { text: answer.text, isIncomplete: answer.isIncomplete },
    messages: messages
      .filter((each) => kept.has(each.id) || kept.has(each.text))
      .map(({ text, reasoning, calls, files }) => ({
        ...{ text, reasoning, files },
        calls: calls.map(({ id: callId, name, args, status, result }) => {
          const came = open.has(callId) ? null : { status, result };
          return { callId, name, args: JSON.parse(args || "{}") as unknown, came };
        }),
      })),
    tools: turn.items.filter((each) => each.type === "tool"),
  };
}

/** Returns the ids and the texts of a turn's messages: a node may give its model's text a new id. */
const idsOf = (turn: Turn): ReadonlySet<string> =>
  new Set(turn.items.flatMap((each) => (each.type === "message" ? [each.id, each.text || each.id] : [])));

/** Returns the ids of calls that nothing has answered. */
const openIn = (turn: Turn): ReadonlySet<string> =>
  new Set(
    turn.items.flatMap((each) =>
      each.type === "message"
        ? each.calls.filter((call) => call.status === "called").map((call) => call.id)
        : [],
    ),
  );

/** Whether a run continues the turn of the one before it. */
function continues({ given }: GoldenRun): boolean {
  const messages = (given["input"] as { messages?: { role: string }[] } | undefined)?.messages;
  return "resume" in given || "answers" in given || messages?.at(-1)?.role === "tool";
}

/** Returns the last turn as it was at each event, and at its end. */
function watched(log: GoldenLog): readonly Turn[] {
  const seen: Turn[] = [];
  for (const run of log.runs) {
    const turn = (continues(run) && seen.at(-1)) || EMPTY_TURN;
    let state = runOf(turn, undefined);
    for (const event of run.events) {
      state = reduce(state, event, 5);
      seen.push(withRun(turn, state));
    }
  }
  return seen;
}

function storedIn(log: GoldenLog, ended: Ended): Turn | undefined {
  return storedTurns(firstPage(log.thread as unknown as Thread, ended)).at(-1);
}

function endOf(log: GoldenLog): Ended {
  const kind = log.runs.at(-1)?.events.at(-1)?.kind ?? "";
  return { status: kind as Ended["status"], output: log.run.output };
}
const ON_MESSAGES = GOLDEN.filter((log) => storedIn(log, endOf(log)) !== undefined);

test.each(ON_MESSAGES)("$name: the thread shows what its run has shown", (log) => {
  const live = watched(log).at(-1) as Turn;
  const stored = { ...(storedIn(log, endOf(log)) as Turn), ending: live.ending };
  const [kept, open] = [idsOf(stored), openIn(live)];

  expect(essence(stored, kept, open)).toEqual(essence(live, kept, open));
  expect(essence(completed(live, stored), kept, open)).toEqual(essence(live, kept, open));
  for (const each of live.items) {
    if (each.type === "message" && !kept.has(each.id) && !kept.has(each.text))
      expect(answerOf(live)).not.toBe(each);
  }
});

test.each(ON_MESSAGES)("$name: what was shown stays where it is when the thread is read", (log) => {
  const live = watched(log).at(-1) as Turn;
  const both = completed(live, storedIn(log, endOf(log)) as Turn);
  const keys = (turn: Turn) => turn.items.map(keyOf);

  expect(keys(both).filter((key) => keys(live).includes(key))).toEqual(keys(live));
  expect(new Set(keys(both)).size).toBe(both.items.length);
});

test.each(GOLDEN)("$name: an event leaves what it doesn't change as it was", (log) => {
  let before: Group | null = null;
  for (const turn of watched(log)) {
    const now: Group = nested(turn.items, answerOf(turn), before);
    expect(nested(turn.items, answerOf(turn), now)).toBe(now);
    const isSame = before?.children.length === now.children.length;
    const changed = now.children.filter((each, at) => each !== before?.children[at]);
    if (isSame && turn.ending === null) expect(changed.length).toBeLessThan(2);
    before = now;
  }
});
