/** What a conversation asks the server, for one graph. */
import type { Client, Events, RunAnswer, RunStart } from "@seltzer/client";
import type { Server } from "../server/server";
import * as threads from "../server/threads";
import type { Thread } from "../server/threads";
import type { Turn } from "./model/blocks";
import { isRecord } from "./model/json";
import type { Live } from "./model/live";
import { continued, firstPage, type Pages } from "./model/pages";
import { EMPTY_TURN, turnsOf } from "./model/stored";
import { variantsOf, type Path, type Variants } from "./model/variants";

const PAGE = 60; // messages
const ASK_AGAIN_MS = 2_000;
const LONGEST_BRANCH = 100; // messages: what a page may have at most

type OnRun = (runId: string, threadId: string) => void;

/** Where a run belongs that was begun elsewhere: the thread before it, and its turn so far. */
export interface Joined {
  readonly pages: Pages;
  readonly turn: Turn | null;
}

export class Gateway {
  private readonly paths = new Map<string, Path>(); // by checkpoint, which never changes

  /** graph: the path of its routes. announce: tells the other tabs that a thread has changed. */
  constructor(
    private readonly server: Server,
    private readonly graph: string,
    readonly announce: (threadId: string) => void = () => undefined,
  ) {}

  private get client(): Client {
    return this.server.client;
  }

  thread(threadId: string, query: threads.StateQuery = {}): Promise<Thread> {
    return threads.getThread(this.client, this.graph, threadId, { limit: PAGE, ...query });
  }

  start(start: RunStart, signal: AbortSignal, onRun: OnRun): Events {
    return this.client.stream(this.graph, start, { signal, onRun });
  }

  answer(runId: string, answer: RunAnswer, signal: AbortSignal, onRun: OnRun): Events {
    return this.client.answer(this.graph, runId, answer, { signal, onRun });
  }

  follow(runId: string, signal: AbortSignal): Events {
    return this.client.follow(this.graph, runId, { signal });
  }

  /** Waits for the end of a run whose events aren't kept: nothing else would report it. */
  async ended(runId: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { status } = await this.server.client.run(this.graph, runId, { signal });
      if (status !== "pending" && status !== "running") return;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
  }

  cancel(runId: string): Promise<unknown> {
    return this.client.cancel(this.graph, runId, { signal: this.server.signal });
  }

  withdraw(runId: string): Promise<unknown> {
    return threads.withdrawQuestion(this.client, this.graph, runId, this.server.signal);
  }

  restore(threadId: string, checkpointId: string): Promise<unknown> {
    return threads.restoreState(this.client, this.graph, threadId, checkpointId, this.server.signal);
  }

  /** Returns what a run has returned beside the text of its answer, null if that is all. */
  async output(turn: Turn): Promise<Turn["output"]> {
    if (turn.runId === null || turn.ending !== "finished") return null;
    const { output } = await this.client.run(this.graph, turn.runId);
    const isText = typeof output === "string" && turn.blocks.some((block) => block.kind === "text");
    if (isText || (isRecord(output) && "tool_calls" in output)) return null;
    return output as Turn["output"];
  }

  /** Finds where an active run of a thread belongs: to a turn of its own, or to one that it continues. */
  async place(thread: Thread, runId: string): Promise<Joined> {
    const pages = firstPage(thread);
    const turns = turnsOf(pages.messages);
    const last = turns.at(-1);
    const checkpoints = await threads.getCheckpoints(this.client, this.graph, thread.thread_id);
    const own = checkpoints.filter((each) => each.run_id === runId);
    const isNew = own.some((each) => each.source === "input" || each.source === "fork");
    if (last === undefined || (own.length === 0 && thread.interrupts.length === 0))
      return { pages, turn: null };
    const before = without(pages, last);
    if (isNew) return { pages: before, turn: { ...last, blocks: [] } };
    const paused = checkpoints.find((each) => each.run_id !== runId);
    if (paused === undefined) return { pages: before, turn: { ...last, blocks: [] } };
    const asked = firstPage(await this.thread(thread.thread_id, { checkpoint_id: paused.checkpoint_id }));
    return { pages: before, turn: turnsOf(asked.messages).at(-1) ?? last };
  }

  /** Returns what is shown of a thread on which nothing runs; before: what was loaded of it until now. */
  async settled(
    thread: Thread,
    lives: readonly Live[],
    before: Pages | null,
  ): Promise<{ pages: Pages; lives: readonly Live[] }> {
    const pages = continued(firstPage(thread), before);
    const last = turnsOf(pages.messages).at(-1);
    const newest = lives.at(-1);
    if (newest !== undefined && newest.turn.runId === thread.run_id) {
      const question = last?.question ?? newest.turn.question;
      return { pages, lives: [...lives.slice(0, -1), { ...newest, turn: { ...newest.turn, question } }] };
    }
    const ending = await this.ending(thread);
    if (ending === null) return { pages, lives };
    const turn = { ...(last ?? { ...EMPTY_TURN, key: "turn" }), ...ending };
    const others = lives.filter((each) => each.turn.question?.id !== turn.question?.id);
    return { pages, lives: [...others, { turn, base: turn.blocks, places: new Map(), calls: new Map() }] };
  }

  /** Returns the variants of the turns that are shown. */
  async variants(threadId: string, pages: Pages): Promise<ReadonlyMap<string, Variants>> {
    const branches = await threads.getBranches(this.client, this.graph, threadId);
    if (branches.length < 2) return new Map();
    const shown: Path = {
      checkpointId: pages.checkpointId ?? "",
      messages: pages.messages,
      isWhole: pages.omitted === 0,
    };
    const others = branches.filter((each) => !each.is_newest);
    const paths = await Promise.all(others.map((each) => this.path(threadId, each.checkpoint_id)));
    return variantsOf([shown, ...paths]);
  }

  private async path(threadId: string, checkpointId: string): Promise<Path> {
    const known = this.paths.get(checkpointId);
    if (known) return known;
    const query = { checkpoint_id: checkpointId, limit: LONGEST_BRANCH };
    const pages = firstPage(await threads.getThread(this.client, this.graph, threadId, query));
    const path = { checkpointId, messages: pages.messages, isWhole: pages.omitted === 0 };
    this.paths.set(checkpointId, path);
    return path;
  }

  /** Returns how a thread's last turn has ended, as its newest run has it; null: as it should. */
  private async ending(thread: Thread): Promise<Partial<Turn> | null> {
    const { run_id: runId, status, interrupts } = thread;
    if (runId === null || status === "idle") return null;
    if (status === "interrupted") return { runId, ending: "interrupted", interrupts };
    const { error } = await this.client.run(this.graph, runId);
    if (error === null) return null;
    const failure = { code: error.code, message: error.message, retryAfterS: error.retry_after_s };
    return { runId, ending: "failed", failure };
  }
}

/** Returns the pages without the messages of the last turn. */
function without(pages: Pages, turn: Turn): Pages {
  const at = pages.messages.findIndex((each) => each["id"] === turn.question?.id);
  return { ...pages, messages: pages.messages.slice(0, Math.max(0, at)), values: null };
}
