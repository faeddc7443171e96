/** What becomes of a conversation, as the element reports it, and what it is asked from outside. */
import type { Conversation } from "../chat/conversation";
import { inputOf } from "../chat/message";
import { answerOf } from "../chat/model/turn";
import type { Shown } from "../chat/shown";

export interface Answer {
  readonly thread: string | null;
  readonly run: string | null;
  readonly text: string;
}

export interface Reports {
  answered(answer: Answer): void;
  failed(code: string, message: string): void;
}

export class Reporter {
  private conversation: Conversation | null = null;
  private readonly questions: string[] = [];
  private ended = 0;
  private reported: string | null = null; // the run: one may be followed again after its end
  private trouble: Shown["trouble"] = null;

  constructor(private readonly reports: Reports) {}

  /** Asks as soon as nothing is being answered. */
  ask(text: string): void {
    this.questions.push(text);
    if (this.conversation) this.askNext(this.conversation);
  }

  /** Stops the answer, and forgets what was to be asked after it. */
  stop(): void {
    this.questions.length = 0;
    this.conversation?.stop();
  }

  shown(conversation: Conversation, shown: Shown | null): void {
    if (shown === null) {
      if (this.conversation === conversation) this.conversation = null;
      return;
    }
    if (this.conversation !== conversation) {
      this.conversation = conversation;
      this.ended = 0;
      this.trouble = null;
    }
    if (this.isNew(conversation, shown)) return;
    this.report(shown);
    this.askNext(conversation);
  }

  /** Whether it is a thread that the server doesn't know yet: the page has chosen its id, and it begins empty. */
  private isNew(conversation: Conversation, shown: Shown): boolean {
    const isNew = shown.trouble?.code === "unknown_thread" && shown.turns.length === 0;
    if (isNew) conversation.dismiss();
    return isNew;
  }

  private report(shown: Shown): void {
    const turn = shown.turns.at(-1);
    if (shown.trouble !== null && shown.trouble !== this.trouble) {
      this.reports.failed(shown.trouble.code, shown.trouble.message);
    }
    this.trouble = shown.trouble;
    if (shown.ended > this.ended && turn && turn.runId !== this.reported) {
      this.reported = turn.runId;
      if (turn.ending === "finished") {
        this.reports.answered({ thread: shown.threadId, run: turn.runId, text: answerOf(turn)?.text ?? "" });
      } else if (turn.failure !== null) {
        this.reports.failed(turn.failure.code, turn.failure.message);
      }
    }
    this.ended = shown.ended;
  }

  private askNext(conversation: Conversation): void {
    const isFree = conversation.shown.phase === "idle" && conversation.shown.trouble === null;
    const text = isFree ? this.questions.shift() : undefined;
    if (text === undefined) return;
    const { input, question } = inputOf(text, []);
    conversation.ask(input, question);
  }
}
