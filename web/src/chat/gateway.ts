/** What a conversation asks the server, for one graph. */
import { ServerError, type Client, type Events, type RunAnswer, type RunStart } from "@seltzer/client";
import type { Server } from "../server/server";
import * as threads from "../server/threads";
import type { Thread } from "../server/threads";
import { getTurns, getWholeLog, type TurnInfo, type TurnPage } from "../server/turns";
import { messagesIn, type Entry } from "../state";
import { inputAgain } from "./message";
import { continued, firstPage, storedTurns, type Pages } from "./model/pages";
import { EMPTY_TURN, type Question, type Turn } from "./model/turn";
import { isOfAnotherBranch, outcomeOf, outputBeside, type Outcome } from "./model/outcome";
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

  /**
   * Starts a run in the place of a turn: from its message, with the input of `start`, or with the same one.
   *
   * The id of a message that was just sent is asked for first; one that is in no state is sent again.
   */
  async *startAgain(turn: Turn, start: RunStart, signal: AbortSignal, onRun: OnRun): Events {
    const threadId = start.thread_id ?? "";
    const { question, runId } = turn;
    const isKnown = question === null || question.id !== null || runId === null;
    const kept = isKnown ? question : await this.questionOf(threadId, runId, question);
    const place: Partial<RunStart> = kept?.id ? { from_message: kept.id } : {};
    const isLost = question !== null && kept === null;
    if (isLost && start.input === undefined) place.input = inputAgain(question);
    yield* this.start({ ...start, ...place }, signal, onRun);
  }

  /**
   * Returns a turn that was just followed with its question as the thread has it, where another run has begun since.
   *
   * Otherwise the thread's newest turn tells; one that was ended before it was there stays as it is.
   */
  async identified(turn: Turn, thread: Thread): Promise<Turn> {
    const { question, runId } = turn;
    if (question?.id !== null || runId === null || runId === thread.run_id) return turn;
    return { ...turn, question: (await this.questionOf(thread.thread_id, runId, question)) ?? question };
  }

  /** Returns what was asked as the thread has it: a message's id; null: the run was ended before it was there. */
  private async questionOf(threadId: string, runId: string, asked: Question): Promise<Question | null> {
    const checkpoints = await threads.getCheckpoints(this.client, this.graph, threadId);
    const own = checkpoints.find((each) => each.run_id === runId);
    if (own === undefined) return null;
    const thread = await this.thread(threadId, { checkpoint_id: own.checkpoint_id });
    return storedTurns(firstPage(thread)).at(-1)?.question ?? asked;
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
    if (last === undefined) return { pages: await this.valuesPage(thread), turn: null };
    const checkpoints = await threads.getCheckpoints(this.client, this.graph, thread.thread_id);
    const own = checkpoints.filter((each) => each.run_id === runId);
    const hasBegun = own.length > 0 || thread.interrupts.length > 0;
    if (!hasBegun) return { pages, turn: null };
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
    const earlier = await this.valuesTurns(thread);
    const pages = continued({ ...firstPage(thread, outcome?.ended), earlier }, before);
    const stored = storedTurns(pages).at(-1) ?? newestOf(earlier, thread);
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

  /** Returns the newest turns of a thread without messages as far as their runs tell, the oldest first. */
  private async valuesTurns(thread: Thread): Promise<readonly Turn[]> {
    if (messagesIn(thread.values).length > 0 || thread.run_id === null) return [];
    const { turns } = await this.turns(thread.thread_id, null);
    const made = turns.map((each) => this.valuesTurn(each));
    return (await Promise.all(made))
      .filter((each) => each !== null)
      .filter(({ ending, runId }) => ending !== "interrupted" || runId === thread.run_id)
      .reverse();
  }

  /** Returns what is shown of a thread without messages beside its active run. */
  private async valuesPage(thread: Thread): Promise<Pages> {
    return { ...firstPage(thread), values: null, earlier: await this.valuesTurns(thread) };
  }

  private async valuesTurn(info: TurnInfo): Promise<Turn | null> {
    const runId = info.runs.at(-1)?.run_id;
    const outcome = runId === undefined ? null : await this.outcomeOf(runId);
    if (outcome === null) return null;
    const { input, is_input_omitted: isOmitted } = info;
    const question = isOmitted ? null : { id: null, text: "", files: [], input };
    return { ...EMPTY_TURN, ...outcome.turn, key: runId ?? "", question, output: outcome.ended.output };
  }

  turns(threadId: string, before: string | null): Promise<TurnPage> {
    return getTurns(this.client, this.graph, threadId, before);
  }

  /** Returns what a run has emitted; null if that isn't kept, or is very long. */
  log(runId: string): Promise<readonly Entry[] | null> {
    return unlessGone(getWholeLog(this.client, this.graph, runId));
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
    const run = await unlessGone(this.client.run(this.graph, runId));
    return run && outcomeOf(run);
  }
}

/** Returns what is asked for; null if it isn't kept any more. */
async function unlessGone<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ServerError && [404, 410].includes(error.status)) return null;
    throw error;
  }
}

/** Returns the newest turn of a thread without messages. */
function newestOf(turns: readonly Turn[], thread: Thread): Turn {
  return turns.find((each) => each.runId === thread.run_id) ?? { ...EMPTY_TURN, key: "turn" };
}

/** Returns the pages without the messages of the last turn. */
function without(pages: Pages, turn: Turn): Pages {
  const at = pages.messages.findIndex((each) => each["id"] === turn.question?.id);
  return { ...pages, messages: pages.messages.slice(0, Math.max(0, at)), values: null };
}
