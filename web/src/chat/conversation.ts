/** A conversation with a graph on one thread: what can be done there. */
import type { Json, RunAnswer, RunStart } from "@seltzer/client";
import { Following } from "./following";
import type { Gateway } from "./gateway";
import type { Question, Turn } from "./model/turn";
import { inputAgain } from "./message";
import { laterPage } from "./model/pages";
import type { OnBusy } from "./model/trouble";
import type { Extras } from "./shown";

export class Conversation extends Following {
  /** extras: what the next run is started with. */
  constructor(
    gateway: Gateway,
    onThread: (threadId: string) => void,
    private readonly extras: () => Extras = () => ({}),
    now?: () => number,
  ) {
    super(gateway, onThread, now);
  }

  /** Asks a question; input is what the graph gets. */
  ask(input: Json, question: Question, onBusy?: OnBusy): void {
    const { threadId, turns } = this.shownNow;
    const start = { ...this.start(onBusy), input, ...(threadId === null ? {} : { thread_id: threadId }) };
    this.begin(turns, this.newTurn(question), start, (next) => this.ask(input, question, next));
  }

  /** Runs a turn again: the same question, or another one in its place. */
  again(turn: Turn, edited?: { input: Json; question: Question }, onBusy?: OnBusy): void {
    if (this.isActive) return; // it was clicked twice
    const { threadId, turns } = this.shownNow;
    const question = edited?.question ?? turn.question;
    if (threadId === null) {
      if (question) this.ask(edited?.input ?? inputAgain(question), question);
      return;
    }
    const start: RunStart = { ...this.start(onBusy), thread_id: threadId };
    if (edited) start.input = edited.input;
    const at = turns.findIndex((each) => each.key === turn.key);
    const before = turns.slice(0, Math.max(0, at));
    const next = (later: OnBusy) => this.again(turn, edited, later);
    this.read(before, this.newTurn(question), next, (signal, onRun) =>
      this.gateway.startAgain(turn, start, signal, onRun),
    );
  }

  /** Continues from where the graph has stopped, without a new input. */
  resume(): void {
    const { threadId, turns, resumable } = this.shownNow;
    const turn = turns.at(-1);
    if (this.isActive || threadId === null || resumable === null || turn === undefined) return;
    const start = { ...this.start(), thread_id: threadId, from_checkpoint: resumable };
    this.begin(turns.slice(0, -1), turn, start, null);
  }

  /** Answers what the last turn asks: null at a breakpoint. */
  answer(answers: Readonly<Record<string, Json>> | null): void {
    const { turns } = this.shownNow;
    const turn = turns.at(-1);
    if (this.isActive || !turn?.runId) return;
    const { runId } = turn;
    const body = answers === null ? { resume: null } : { answers: { ...answers } };
    this.read(turns.slice(0, -1), turn, null, (signal, onRun) =>
      this.gateway.answer(runId, body as RunAnswer, signal, onRun),
    );
  }

  /** Ends a turn that asks something, without an answer. */
  async withdraw(): Promise<void> {
    const { threadId, turns } = this.shownNow;
    const runId = turns.at(-1)?.runId;
    if (this.isActive || threadId === null || !runId) return;
    const isStill = this.stillness(threadId);
    this.show({ phase: "stopping", trouble: null });
    try {
      await this.gateway.withdraw(runId);
      if (!isStill()) return;
      this.seen = this.seen.filter((each) => each.runId !== runId);
      this.show({ phase: "idle" });
      await this.refresh();
      this.announce();
    } catch (error) {
      if (isStill()) this.fail(error);
    }
  }

  /** Shows another branch: the thread continues there. */
  async switchTo(checkpointId: string): Promise<void> {
    const { threadId } = this.shownNow;
    if (threadId === null || this.isActive) return;
    const isStill = this.stillness(threadId);
    try {
      await this.gateway.restore(threadId, checkpointId);
      if (!isStill()) return;
      this.seen = [];
      await this.refresh();
      this.announce();
    } catch (error) {
      if (isStill()) this.fail(error);
    }
  }

  /** A turn has come into view: shows what its runs have done, once that is read. */
  look(turn: Turn): void {
    this.past.look(turn);
  }

  /** Loads the messages before those that are shown. */
  async loadEarlier(): Promise<void> {
    const { pages } = this;
    const { threadId } = this.shownNow;
    if (pages === null || threadId === null || pages.omitted === 0) return;
    const thread = await this.gateway.thread(threadId, {
      key: "messages",
      before: pages.omitted,
      ...(pages.checkpointId ? { checkpoint_id: pages.checkpointId } : {}),
    });
    if (this.pages !== pages) return;
    this.pages = laterPage(pages, thread);
    this.render();
  }

  private start(onBusy?: OnBusy): RunStart {
    return { ...this.extras(), ...(onBusy ? { on_busy: onBusy } : {}) };
  }

  private begin(
    before: readonly Turn[],
    turn: Turn,
    start: RunStart,
    again: ((onBusy: OnBusy) => void) | null,
  ): void {
    this.read(before, turn, again, (signal, onRun) => this.gateway.start(start, signal, onRun));
  }
}
