/** Following a thread: what is on it, and the run that is active there. No DOM. */
import { isLast, SeltzerError, ServerUnreachable, StreamCutOff, type Events } from "@seltzer/client";
import type { Thread } from "../server/threads";
import { reduce, type AnyEvent } from "../state";
import { continued } from "./model/pages";
import { EMPTY_TURN, runOf, withRun, type Question, type Turn } from "./model/turn";
import { troubleOf, type Trouble } from "./model/trouble";
import type { Gateway } from "./gateway";
import { Loaded } from "./loaded";
import { NOTHING } from "./shown";

const REPLAY_MS = 300; // what comes so soon after a run is joined may have happened long before

export class Following extends Loaded {
  protected runId: string | null = null;
  protected wantsStop = false;
  protected count = 0;
  protected readings = 0; // how many runs were followed

  /**
   * onThread: called with a new thread's id. now: the time in milliseconds.
   */
  constructor(
    protected readonly gateway: Gateway,
    protected readonly onThread: (threadId: string) => void,
    protected readonly now: () => number = () => performance.now(),
  ) {
    super(gateway);
  }

  /** Stops following; the run goes on. */
  leave(): void {
    this.reading?.abort();
    this.reading = null;
  }

  /** Shows a thread, and follows what runs there; null: a new one. */
  async open(threadId: string | null): Promise<void> {
    if (threadId === this.shownNow.threadId && threadId !== null) return;
    this.leave();
    this.pages = null;
    this.seen = [];
    this.runId = null;
    this.past.open(threadId);
    this.show({ ...NOTHING, threadId, phase: threadId === null ? "idle" : "loading" });
    if (threadId !== null) await this.refresh();
  }

  /** Asks what is on the thread now, and follows a run that was begun elsewhere. */
  async refresh(): Promise<void> {
    const { threadId, phase } = this.shownNow;
    if (threadId === null || (phase !== "idle" && phase !== "loading")) return;
    const isStill = this.stillness(threadId);
    try {
      const thread = await this.gateway.thread(threadId);
      if (isStill()) await this.display(thread);
    } catch (error) {
      // A server that is away is the page's affair, which asks again when it is back.
      if (!(error instanceof ServerUnreachable) && isStill()) this.fail(error);
    }
  }

  dismiss(): void {
    this.show({ trouble: null });
  }

  /** Shows a thread, and follows what runs there. */
  protected async display(thread: Thread): Promise<void> {
    if (thread.status === "busy" && thread.run_id !== null) await this.join(thread, thread.run_id);
    else await this.settle(thread);
  }

  stop(): void {
    if (!this.isActive) return;
    this.show({ phase: "stopping" });
    this.wantsStop = this.runId === null;
    if (this.runId === null) return;
    const { reading } = this;
    this.gateway.cancel(this.runId).catch((error: unknown) => {
      if (!(error instanceof SeltzerError)) throw error;
      if (this.reading === reading) this.show({ trouble: troubleOf(error), phase: "answering" });
    });
  }

  /** Returns what says whether the thread is shown as now: no run has been followed since, not even to its end. */
  protected stillness(threadId: string): () => boolean {
    const { readings } = this;
    return () => threadId === this.shownNow.threadId && !this.isActive && readings === this.readings;
  }

  protected newTurn(question: Question | null): Turn {
    return { ...EMPTY_TURN, key: `new:${++this.count}`, question, detail: "all" };
  }

  /** Follows a run of which something may be here already. */
  protected async join(thread: Thread, runId: string): Promise<void> {
    const isStill = this.stillness(thread.thread_id);
    const joined = await this.gateway.place(thread, runId);
    if (!isStill()) return;
    const pages = (this.pages = continued(joined.pages, this.pages));
    const turn = joined.turn ?? this.newTurn(null);
    this.show({ title: thread.title, hasEarlier: pages.omitted > 0 });
    this.read(this.loaded(pages), turn, null, (signal) => this.gateway.follow(runId, signal), runId);
    this.replaced = null; // the pages are without its turn
  }

  protected read(
    before: readonly Turn[],
    turn: Turn,
    again: Trouble["again"],
    open: (signal: AbortSignal, onRun: (runId: string, threadId: string) => void) => Events,
    runId: string | null = null,
  ): void {
    this.leave();
    this.readings++;
    const reading = (this.reading = new AbortController());
    const { turns, resumable } = this.shownNow;
    this.runId = runId;
    this.wantsStop = false;
    this.before = before;
    this.replaced = turns[before.length]?.key ?? null;
    const run = runOf(turn, before.at(-1));
    const detail = turn.detail === "stored" ? "some" : turn.detail;
    this.active = { turn: withRun({ ...turn, runId, detail }, run), run };
    this.show({
      turns: [...before, this.active.turn],
      phase: "sending",
      trouble: null,
      unsent: null,
      resumable: null,
    });
    const onRun = (id: string, threadId: string) => {
      if (this.reading === reading) this.accepted(id, threadId);
    };
    this.consume(open(reading.signal, onRun), reading).catch((error: unknown) => {
      if (this.reading !== reading) return;
      if (this.runId !== null && error instanceof StreamCutOff)
        return this.missed(error, this.runId, reading);
      this.reading = null;
      if (this.runId !== null) return this.fail(error);
      this.show({ turns, resumable });
      this.fail(error, again);
      this.giveBack(turn);
    });
  }

  /** The server has accepted the run. */
  protected accepted(runId: string, threadId: string): void {
    const isNew = threadId !== this.shownNow.threadId;
    this.runId = runId;
    if (this.active) this.active = { ...this.active, turn: { ...this.active.turn, runId } };
    this.show({ threadId, phase: "waiting" });
    if (this.wantsStop) this.stop();
    if (isNew) this.onThread(threadId);
    this.gateway.announce(threadId);
  }

  protected async consume(events: Events, reading: AbortController): Promise<void> {
    const liveFrom = this.runId === null ? 0 : this.now() + REPLAY_MS;
    let hasQuestion = this.runId === null || this.active?.turn.question !== null;
    for await (const event of events as AsyncIterable<AnyEvent>) {
      if (this.reading !== reading) return;
      this.add(event, liveFrom);
      hasQuestion = hasQuestion || (await this.learn(event, reading));
      if (isLast(event)) break;
    }
    if (this.reading === reading && this.active !== null) await this.finish(this.active.turn);
  }

  protected add(event: AnyEvent, liveFrom: number): void {
    if (this.active === null) return;
    const time = this.now();
    const run = reduce(this.active.run, event, time < liveFrom ? null : time);
    this.active = { run, turn: withRun(this.active.turn, run) };
    const phase = this.shownNow.phase === "stopping" ? "stopping" : "answering";
    this.show({ turns: [...this.before, this.active.turn], phase });
  }

  /** Asks for the question of a run that was begun elsewhere, once it is in the thread's state. */
  protected async learn(event: AnyEvent, reading: AbortController): Promise<boolean> {
    const { threadId } = this.shownNow;
    if (event.kind === "started" || threadId === null || this.runId === null) return false;
    const joined = await this.gateway.place(await this.gateway.thread(threadId), this.runId);
    if (this.reading !== reading || joined.turn === null || this.active === null) return true;
    this.pages = continued(joined.pages, this.pages);
    this.before = this.loaded(this.pages);
    this.active = { ...this.active, turn: { ...this.active.turn, question: joined.turn.question } };
    return true;
  }

  /** The rest of a run's events isn't kept any more: what it has done is in the thread, once it has ended. */
  protected async missed(error: StreamCutOff, runId: string, reading: AbortController): Promise<void> {
    this.show({ trouble: troubleOf(error), phase: "answering" });
    await this.gateway.ended(runId, reading.signal).catch((reason: unknown) => {
      if (!(reason instanceof SeltzerError) && !reading.signal.aborted) throw reason; // the thread is asked next
    });
    if (this.reading !== reading) return;
    this.leave();
    this.runId = null;
    this.show({ phase: "idle", ended: this.shownNow.ended + 1 });
    this.announce();
    await this.refresh();
  }

  /** A run has ended: the thread's state is the truth. */
  protected async finish(turn: Turn): Promise<void> {
    const { before, readings } = this;
    this.reading = null;
    this.runId = null;
    this.active = null;
    this.seen = [...this.seen.filter((each) => before.some(({ key }) => key === each.key)), turn];
    this.show({ turns: [...before, turn], phase: "idle", ended: this.shownNow.ended + 1 });
    this.announce();
    const { threadId } = this.shownNow;
    if (threadId === null) return;
    try {
      const isStill = this.stillness(threadId);
      const thread = await this.gateway.thread(threadId);
      if (!isStill()) return;
      const known = await this.gateway.identified(turn, thread);
      if (!isStill()) return;
      this.seen = this.seen.map((each) => (each === turn ? known : each));
      await this.display(thread);
      const own = thread.status === "busy" ? readings + 1 : readings; // that of the run that is followed now
      if (threadId === this.shownNow.threadId && this.readings === own) this.dropUnlessShown(known);
    } catch (error) {
      if (!(error instanceof SeltzerError)) throw error; // what was shown stays
    }
  }

  /** Shows a thread on which nothing runs. */
  protected async settle(thread: Thread): Promise<void> {
    const isStill = this.stillness(thread.thread_id);
    const { pages, seen } = await this.gateway.settled(thread, this.seen, this.pages);
    if (!isStill()) return;
    this.pages = pages;
    this.seen = seen;
    const isStopped = thread.interrupts.length === 0 && thread.next.length > 0;
    this.show({ title: thread.title, phase: "idle", resumable: isStopped ? thread.checkpoint_id : null });
    this.render();
    const variants = await this.gateway.variants(thread.thread_id, pages);
    if (this.shownNow.threadId === thread.thread_id && this.pages === pages) this.show({ variants });
  }

  protected announce(): void {
    if (this.shownNow.threadId !== null) this.gateway.announce(this.shownNow.threadId);
  }

  /** A run may be ended before anything of it is on the thread, which then hasn't got its question. */
  protected dropUnlessShown(turn: Turn): void {
    const { failure, runId } = turn;
    if (this.shownNow.turns.some((each) => each.runId === runId)) return;
    if (failure) this.show({ trouble: { ...failure, field: "", again: null } });
    this.giveBack(turn);
  }

  /** Gives back what was asked, unless it is on the thread. */
  protected giveBack({ question }: Turn): void {
    const isShown = this.shownNow.turns.some((each) => each.question === question);
    if (question?.id === null && !isShown) this.show({ unsent: question });
  }

  protected fail(error: unknown, again: Trouble["again"] = null): void {
    if (!(error instanceof SeltzerError)) throw error;
    this.show({ trouble: troubleOf(error, again), phase: "idle" });
  }
}
