/** What a conversation shows where another tab, or an earlier run, has written to its thread, too. */
import { ServerUnreachable, type RunStart, type StreamOptions } from "@seltzer/client";
import { expect, test } from "vitest";
import { Conversation } from "../../src/chat/conversation";
import { Gateway } from "../../src/chat/gateway";
import type { Turn } from "../../src/chat/model/turn";
import type { Server } from "../../src/server/server";
import type { AnyEvent } from "../../src/state";
import { event } from "../state/golden";
import { ai, conversation as threadOf, human, info, message, started } from "./made";

const PAGE = 60; // messages

/** A server with one thread: that of its newest run, r unless others came. */
class Served {
  messages: readonly object[] = [];
  values: object = {};
  status = "idle";
  runId = "r";
  readonly starts: RunStart[] = [];
  readonly written = ["r"]; // the runs that have written to the thread

  readonly gateway = new Gateway(
    { client: this, signal: new AbortController().signal } as unknown as Server,
    "/g",
  );

  /** Lets what is still to be done fail. */
  refuse: () => void = () => undefined;
  readonly refused = new Promise<never>((_, reject) => {
    this.refuse = () => reject(new ServerUnreachable("it is away"));
  });

  async request(method: string, target: string): Promise<unknown> {
    if (method === "POST") return this.refused;
    const query = new URLSearchParams(target.split("?")[1]);
    if (target.includes("/history")) return { checkpoints: this.written.map(checkpoint) };
    if (target.includes("/branches")) return { branches: [] };
    if (target.includes("/turns")) return { turns: this.turns(), next_before: null };
    if (target.includes("/log"))
      return { created_at: "2026-01-01", events: [started(), ended()], next_after: null };
    const threadId = /threads\/(\w+)/.exec(target)?.[1];
    return { ...this.thread(Number(query.get("before") ?? this.messages.length)), thread_id: threadId };
  }

  async run(_: string, runId: string): Promise<unknown> {
    return { run_id: runId, status: "success", error: null, interrupts: [], output: null };
  }

  async *stream(_: string, start: RunStart, options: StreamOptions): AsyncGenerator<AnyEvent> {
    this.starts.push(start);
    options.onRun?.("r", "t");
    yield* [started(), message(2, "one"), ended()];
  }

  // eslint-disable-next-line require-yield -- it is silent for as long as the test runs
  async *follow(): AsyncGenerator<AnyEvent> {
    await new Promise(() => undefined);
  }

  async cancel(): Promise<unknown> {
    return this.refused;
  }

  private thread(before: number): object {
    const from = Math.max(0, before - PAGE);
    return {
      title: "",
      status: this.status,
      run_id: this.runId,
      checkpoint_id: "c",
      next: [],
      interrupts: [],
      values: { ...this.values, messages: this.messages.slice(from, before) },
      omitted: from > 0 ? { messages: from } : {},
    };
  }

  private turns(): unknown {
    const ids = this.messages.map((each) => ("id" in each ? String(each.id) : ""));
    return ids
      .filter((each) => !each.startsWith("m "))
      .map(info)
      .reverse();
  }
}

const ended = () => event("1-3", "finished", { usage: null, duration_ms: 1 });
const checkpoint = (runId: string) => ({ checkpoint_id: `of ${runId}`, run_id: runId, source: "loop" });

/** Waits until nothing is left to do: what the server answers is there at once. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}

test.each([
  [
    "stays there",
    "r",
    [human("a"), ai("one")],
    [
      ["a", "r"],
      [null, "another"],
    ],
    null,
  ],
  [
    "goes back where it isn't there",
    "another",
    [human("z"), human("b")],
    [
      ["z", null],
      ["b", "another"],
    ],
    "a",
  ],
] as const)("a question before another tab's run %s", async (_, writer, messages, shown, unsent) => {
  const served = new Served();
  served.messages = messages;
  served.written.splice(0, 1, writer);
  [served.status, served.runId] = ["busy", "another"];
  const conversation = new Conversation(served.gateway, () => undefined);

  conversation.ask("a", { id: null, text: "a", files: [], input: "a" });
  await settled();

  const { turns, unsent: returned } = conversation.shown;
  expect(turns.map((each) => [each.question?.text ?? null, each.runId])).toEqual(shown);
  expect(returned?.text ?? null).toBe(unsent);
});

test("earlier turns that were loaded stay when a run begins elsewhere, and when one of them is read", async () => {
  const served = new Served();
  served.messages = threadOf(...Array.from({ length: 60 }, (_, at) => `h${at}`)).messages;
  const conversation = new Conversation(served.gateway, () => undefined);
  await conversation.open("t");
  await conversation.loadEarlier();
  const loaded = conversation.shown.turns.map((each) => each.key);
  expect(loaded).toHaveLength(60);

  [served.status, served.runId] = ["busy", "another"];
  await conversation.refresh();
  const first = conversation.shown.turns[0] as Turn;
  conversation.look(first);
  await settled();

  expect(conversation.shown.turns.map((each) => each.key)).toEqual([...loaded, "new:1"]);
  expect(conversation.shown.turns[0]).toMatchObject({ key: first.key, detail: "all" });
});

test.each([
  ["that has failed", ["r"], {}],
  ["that was ended before it was there", ["another"], { input: { topic: "tea" } }],
])("a turn without messages %s is tried again in its place", async (_, written, given) => {
  const served = new Served();
  served.values = { topic: "tea" };
  served.written.splice(0, 1, ...written);
  const question = { id: null, text: "", files: [], input: { topic: "tea" } };
  const turn = { key: "new:1", question, runId: "r" } as unknown as Turn;

  const events = served.gateway.startAgain(
    turn,
    { thread_id: "t" },
    new AbortController().signal,
    () => undefined,
  );
  await events.next();

  expect(served.starts).toEqual([{ thread_id: "t", ...given }]);
});

test("a run that can't be stopped is followed further", async () => {
  const served = new Served();
  [served.status, served.runId] = ["busy", "another"];
  const conversation = new Conversation(served.gateway, () => undefined);
  await conversation.open("t");

  conversation.stop();
  served.refuse();
  await settled();

  const { phase, trouble } = conversation.shown;
  expect([phase, trouble?.code]).toEqual(["answering", "server_unreachable"]);
});

test.each([
  ["stop", (conversation: Conversation) => conversation.stop()],
  ["withdraw", (conversation: Conversation) => conversation.withdraw()],
  ["switch", (conversation: Conversation) => conversation.switchTo("c")],
])("what is refused of a thread that was left isn't shown on another one: %s", async (name, act) => {
  const served = new Served();
  served.messages = [human("a"), ai("one")];
  if (name === "stop") [served.status, served.runId] = ["busy", "another"];
  const conversation = new Conversation(served.gateway, () => undefined);
  await conversation.open("t");
  void act(conversation);
  [served.status, served.runId, served.messages] = ["idle", "r", []];
  await conversation.open("u");

  served.refuse();
  await settled();

  expect(conversation.shown).toMatchObject({ threadId: "u", phase: "idle", trouble: null });
});
