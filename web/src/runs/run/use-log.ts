import { isLast, SeltzerError } from "@seltzer/client";
import { useEffect, useState } from "preact/hooks";
import { client } from "../../server/client";
import { getLog, type LoggedEvent } from "../../server/runs";
import { Timeline, type AnyEvent } from "../../state";

/** loading: the stored events are read. live: more come. gone: they aren't kept any more. */
export type LogPhase = "loading" | "live" | "over" | "gone" | "failed";

/** A run's events up to now. */
export interface RunLog {
  readonly phase: LogPhase;
  readonly timeline: Timeline;
  /** How many there are: the time line grows. */
  readonly count: number;
  /** When each was emitted, in milliseconds after the run was created. */
  readonly known: readonly (number | null)[];
  readonly error: SeltzerError | null;
}

const SHOW_MS = 100; // between two renderings of a run that goes on

const EMPTY = (): RunLog => ({
  phase: "loading",
  timeline: new Timeline(),
  count: 0,
  known: [],
  error: null,
});

/** Returns a run's events, followed while it goes on. graph: the path of its routes. */
export function useLog(graph: string, runId: string): RunLog {
  const [log, setLog] = useState(EMPTY);
  useEffect(() => {
    const reading = new AbortController();
    const reader = new Reader(graph, runId, reading.signal, setLog);
    setLog(EMPTY());
    reader.read().catch((reason: unknown) => {
      if (!reading.signal.aborted) reader.fail(reason);
    });
    return () => {
      reading.abort();
      reader.close();
    };
  }, [graph, runId]);
  return log;
}

class Reader {
  private timeline = new Timeline();
  private known: (number | null)[] = [];
  private createdAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly graph: string,
    private readonly runId: string,
    private readonly signal: AbortSignal,
    private readonly onLog: (log: RunLog) => void,
  ) {}

  async read(): Promise<void> {
    await this.readStored();
    const stored = this.timeline.run.cursor;
    if (!this.isOver) await this.follow();
    if (stored !== this.timeline.run.cursor) await this.readAgain();
    this.show("over");
  }

  fail(reason: unknown): void {
    if (!(reason instanceof SeltzerError)) throw reason;
    const isGone = reason.code === "stream_gap";
    this.show(isGone ? "gone" : "failed", isGone ? null : reason);
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private get isOver(): boolean {
    const last = this.timeline.entries.at(-1);
    return last !== undefined && isLast(last.event);
  }

  /** Reads what is stored, page by page. */
  private async readStored(): Promise<void> {
    let after: string | null = null;
    do {
      const page = await getLog(this.graph, this.runId, after, this.signal);
      this.createdAt = Date.parse(page.created_at);
      for (const each of page.events) this.add(each, each.at);
      after = page.next_after;
    } while (after !== null);
  }

  /** Reads what comes: its times are those of this machine, as its last stored event has come just now. */
  private async follow(): Promise<void> {
    this.show("live");
    const [begun, last] = [performance.now(), this.known.at(-1) ?? 0];
    const after = this.timeline.run.cursor;
    for await (const event of client.follow(this.graph, this.runId, { signal: this.signal, after })) {
      this.add(event, Math.round(last + performance.now() - begun));
      this.timer ??= setTimeout(() => this.show("live"), SHOW_MS);
    }
  }

  /** Reads the log once more, for the times that the server has noted. */
  private async readAgain(): Promise<void> {
    const [timeline, known] = [this.timeline, this.known];
    this.timeline = new Timeline();
    this.known = [];
    try {
      await this.readStored();
    } catch (error) {
      if (!(error instanceof SeltzerError)) throw error;
      [this.timeline, this.known] = [timeline, known];
    }
  }

  private add(event: AnyEvent | LoggedEvent, at: number | null): void {
    const { id, attempt, seq, kind, data } = event;
    const count = this.timeline.entries.length;
    this.timeline.add({ id, attempt, seq, kind, data }, at === null ? null : this.createdAt + at);
    if (this.timeline.entries.length > count) this.known.push(at);
  }

  private show(phase: LogPhase, error: SeltzerError | null = null): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { timeline } = this;
    this.onLog({ phase, timeline, count: timeline.entries.length, known: [...this.known], error });
  }
}
