/** What a conversation asks the server, for one graph. */
import {
  ServerError,
  type Client,
  type Events,
  type RunAnswer,
  type RunInfo,
  type RunStart,
} from "@seltzer/client";
import type { Server } from "../server/server";
import * as threads from "../server/threads";
import type { Thread } from "../server/threads";
import { messagesIn, type Ended } from "../state";
import { inputAgain } from "./message";
import { continued, firstPage, storedTurns, type Pages } from "./model/pages";
import { EMPTY_TURN, answerOf, type Ending, type Question, type Turn } from "./model/turn";
import { variantsOf, type Path, type Variants } from "./model/variants";

const PAGE = 60; // messages
const ASK_AGAIN_MS = 2_000;
const LISTED_RUNS = 20; // of a thread without messages
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

  /**
   * Starts a run in the place of a turn: from its message, with the input of `start`, or with the same one.
   *
   * The id of a message that was just sent is asked for first; one that is in no state is sent again.
   */
  async *startAgain(turn: Turn, start: RunStart, signal: AbortSignal, onRun: OnRun): Events {
    const threadId = start.thread_id ?? "";
    const { question, runId } = turn;
    const isKnown = question === null || question.id !== null || runId === null;
    const kept = isKnown ? question : await this.questionOf(threadId, runId);
    const place: Partial<RunStart> = kept?.id ? { from_message: kept.id } : {};
    const isLost = question !== null && kept === null;
    if (isLost && start.input === undefined) place.input = inputAgain(question);
    yield* this.start({ ...start, ...place }, signal, onRun);
  }

  /** Returns the question of a run as its thread has it; null: the run was ended before it was there. */
  private async questionOf(threadId: string, runId: string): Promise<Question | null> {
    const checkpoints = await threads.getCheckpoints(this.client, this.graph, threadId);
    const own = checkpoints.find((each) => each.run_id === runId);
    if (own === undefined) return null;
    const thread = await this.thread(threadId, { checkpoint_id: own.checkpoint_id });
    return storedTurns(firstPage(thread)).at(-1)?.question ?? null;
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

  /** Finds where an active run of a thread belongs: to a turn of its own, or to one that it continues. */
  async place(thread: Thread, runId: string): Promise<Joined> {
    const pages = firstPage(thread);
    const last = storedTurns(pages).at(-1);
    const checkpoints = await threads.getCheckpoints(this.client, this.graph, thread.thread_id);
    const own = checkpoints.filter((each) => each.run_id === runId);
    const hasBegun = own.length > 0 || thread.interrupts.length > 0;
    if (last === undefined || !hasBegun) return { pages, turn: null };
    const isFork = own.some((each) => each.source === "fork");
    const earlier = isFork ? undefined : checkpoints.find((each) => each.run_id !== runId);
    const items = earlier ? await this.itemsAt(thread.thread_id, earlier.checkpoint_id, last) : [];
    return { pages: without(pages, last), turn: { ...last, items } };
  }

  /** Returns what there was of a turn at an earlier state: nothing, if it began later. */
  private async itemsAt(threadId: string, checkpointId: string, turn: Turn): Promise<Turn["items"]> {
    const begun = storedTurns(firstPage(await this.thread(threadId, { checkpoint_id: checkpointId }))).at(-1);
    return begun && begun.question?.id === turn.question?.id ? begun.items : [];
  }

  /** Returns what is shown of a thread on which nothing runs; before: what was loaded of it until now. */
  async settled(
    thread: Thread,
    seen: readonly Turn[],
    before: Pages | null,
  ): Promise<{ pages: Pages; seen: readonly Turn[] }> {
    const outcome = await this.outcome(thread);
    const first = { ...firstPage(thread, outcome?.ended), earlier: await this.earlier(thread) };
    const pages = continued(first, before);
    const stored = storedTurns(pages).at(-1) ?? { ...EMPTY_TURN, key: "turn" };
    const output = outcome && outputBeside(pages, outcome);
    const newest = seen.at(-1);
    if (newest && newest.runId === thread.run_id) {
      const question = stored.question ?? newest.question;
      return { pages, seen: [...seen.slice(0, -1), { ...newest, question, output }] };
    }
    const turn: Turn = { ...stored, ...outcome?.turn, output };
    if (outcome === null || isOfAnotherBranch(turn)) return { pages, seen };
    return { pages, seen: [...seen.filter((each) => each.question?.id !== turn.question?.id), turn] };
  }

  /** Returns the turns before the newest one of a thread without messages, the oldest first. */
  private async earlier(thread: Thread): Promise<readonly Turn[]> {
    if (messagesIn(thread.values).length > 0 || thread.run_id === null) return [];
    const ids = await threads.getRunIds(this.client, this.graph, thread.thread_id, LISTED_RUNS);
    const others = ids.filter((each) => each !== thread.run_id).reverse();
    const outcomes = await Promise.all(others.map(async (each) => this.outcomeOf(each)));
    return outcomes
      .filter((each) => each !== null && each.turn.ending !== "interrupted")
      .map((each) => ({
        ...EMPTY_TURN,
        ...each?.turn,
        key: each?.turn.runId ?? "",
        output: each?.ended.output,
      }));
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

  /** Returns how the newest run of a thread has ended; null of one that isn't kept any more. */
  private async outcome(thread: Thread): Promise<Outcome | null> {
    const { run_id: runId, interrupts } = thread;
    const found = runId === null ? null : await this.outcomeOf(runId);
    if (found || thread.status !== "interrupted") return found;
    const ending = "interrupted";
    return { ended: { status: ending, output: null }, turn: { runId, ending, failure: null, interrupts } };
  }

  private async outcomeOf(runId: string): Promise<Outcome | null> {
    try {
      return outcomeOf(await this.client.run(this.graph, runId));
    } catch (error) {
      if (error instanceof ServerError && [404, 410].includes(error.status)) return null;
      throw error;
    }
  }
}

/** How a run has ended, for the selection of its answer and for its turn. */
interface Outcome {
  readonly ended: Ended;
  readonly turn: Pick<Turn, "runId" | "ending" | "failure" | "interrupts">;
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  success: "finished",
  error: "failed",
  interrupted: "interrupted",
  cancelled: "cancelled",
};

function outcomeOf({ run_id: runId, status, error, interrupts, output }: RunInfo): Outcome | null {
  const ending = ENDINGS[status];
  if (ending === undefined) return null;
  const failure = error && {
    code: error.code,
    message: error.message,
    retryAfterS: error.retry_after_s,
  };
  return { ended: { status: ending, output }, turn: { runId, ending, failure, interrupts } };
}

/** Returns what a run has returned that isn't in its messages: what the run of a graph without them has. */
function outputBeside(pages: Pages, { ended }: Outcome): unknown {
  return pages.messages.length > 0 ? null : ended.output;
}

/** Whether the newest run was stopped, but the answer is whole: it is another run's, on a branch gone back to. */
function isOfAnotherBranch(turn: Turn): boolean {
  return turn.ending === "cancelled" && answerOf(turn)?.isIncomplete === false;
}

/** Returns the pages without the messages of the last turn. */
function without(pages: Pages, turn: Turn): Pages {
  const at = pages.messages.findIndex((each) => each["id"] === turn.question?.id);
  return { ...pages, messages: pages.messages.slice(0, Math.max(0, at)), values: null };
}
