/** A run's events over connections that may break: each once, and in order. */

import { Connection } from "./connection.ts";
import { reasonOf, serverError, ServerError, ServerUnreachable, StreamCutOff } from "./errors.ts";
import { isLast, type RunEvent } from "./events.ts";
import { Patience, pause } from "./patience.ts";
import { SseParser, type Frame } from "./sse.ts";

/** What may be reported about a stream while it is read. */
export interface Watcher {
  /** The server has accepted the run, which may have to wait for its turn. */
  onRun?: (runId: string, threadId: string) => void;
  /** The connection is lost, and is being restored. */
  onLost?: (reason: string) => void;
  /** It is restored. */
  onRestored?: () => void;
}

export interface Source {
  /** Send a request: the one that starts the run, or that for the events of runId after the cursor. */
  open(connection: Connection, runId: string, cursor: string): Promise<Response>;
  silenceMs: number;
  patienceMs: number;
}

export const isTransient = (status: number): boolean => [429, 502, 503, 504].includes(status);

const ENDED_EARLY = "the stream ended without a last event";

/** Reads one run. runId is empty until the server has accepted it; cursor is the last event read. */
export class Follower {
  #isOver = false;
  #hasBegun = false;
  #reason = "";
  #leastMs = 0;
  #retryMs = 0;
  #cause: unknown;
  readonly #patience: Patience;

  constructor(
    private readonly source: Source,
    private readonly watcher: Watcher,
    private readonly signal: AbortSignal | undefined,
    private runId: string,
    private cursor: string,
  ) {
    this.#patience = new Patience(source.patienceMs);
  }

  /** Yield the events after the cursor, up to the last one. */
  async *events(): AsyncGenerator<RunEvent, void, undefined> {
    for (;;) {
      const connection = new Connection(this.source.silenceMs, this.signal);
      this.#reason = ENDED_EARLY;
      this.#cause = undefined;
      this.#leastMs = 0;
      try {
        yield* this.#read(connection);
      } catch (error) {
        this.#failed(error);
      } finally {
        connection.close();
      }
      if (this.#isOver) return;
      await pause(this.#waitMs(), this.signal);
    }
  }

  /** Yield what one connection has. */
  async *#read(connection: Connection): AsyncGenerator<RunEvent, void, undefined> {
    const response = await this.source.open(connection, this.runId, this.cursor);
    this.#isOver = response.status === 204;
    if (this.#isOver) return;
    const reader = (await this.#body(response)).getReader();
    const parser = new SseParser();
    for (;;) {
      const comments = parser.comments;
      const { done, value } = await connection.wait(reader.read());
      if (done) return;
      for (const frame of parser.push(value)) {
        this.signal?.throwIfAborted();
        if (frame.event === "draining") return this.#drain(frame.data);
        const event = this.#event(frame);
        if (event) yield event;
        if (this.#isOver) return;
      }
      if (parser.comments > comments) this.#restored();
      this.#retryMs = parser.retryMs;
    }
  }

  /** Return the body of a stream of events. Throws if the response is anything else. */
  async #body(response: Response): Promise<ReadableStream<Uint8Array>> {
    if (!response.ok) throw await serverError(response);
    if (!response.body || !response.headers.get("content-type")?.startsWith("text/event-stream")) {
      throw new Error("the server there isn't Seltzer");
    }
    this.#hasBegun = true;
    this.#accepted(response.headers);
    return response.body;
  }

  #accepted(headers: Headers): void {
    const runId = headers.get("x-run-id");
    if (this.runId || !runId) return;
    this.runId = runId;
    this.watcher.onRun?.(runId, headers.get("x-thread-id") ?? "");
  }

  #drain(data: string): void {
    this.#reason = "the server is shutting down";
    this.#leastMs = Number(JSON.parse(data).retry_after_ms) || 0;
  }

  #restored(): void {
    if (this.#patience.isTried) this.watcher.onRestored?.();
    this.#patience.succeeded();
  }

  /** Return the frame's event; undefined if it was read before. Throws StreamCutOff if events are missing. */
  #event(frame: Frame): RunEvent | undefined {
    const [attempt, seq] = numbers(frame.id);
    const [lastAttempt, lastSeq] = numbers(this.cursor || "0-0");
    if (attempt < lastAttempt || (attempt === lastAttempt && seq <= lastSeq)) return undefined;
    if (seq !== (attempt === lastAttempt ? lastSeq + 1 : 1)) {
      throw this.#cutOff("cut_off", `the events after ${this.cursor || "the start"} are missing`);
    }
    let data: unknown;
    try {
      data = JSON.parse(frame.data);
    } catch (error) {
      throw this.#cutOff("cut_off", "the server sent something that can't be read", error);
    }
    const event = { id: frame.id, attempt, seq, kind: frame.event, data } as RunEvent;
    this.cursor = event.id;
    this.#isOver = isLast(event);
    if (event.kind === "started") this.runId = event.data.run_id;
    this.#restored();
    return event;
  }

  /** Note why the connection was lost. Throws what a retry can't change. */
  #failed(error: unknown): void {
    if (this.signal?.aborted) throw this.signal.reason;
    if (error instanceof StreamCutOff) throw error;
    if (error instanceof ServerError) {
      if (error.status === 410 || (error.status === 404 && this.#hasBegun)) {
        throw this.#cutOff(error.code === "stream_gap" ? "stream_gap" : "cut_off", error.message, error);
      }
      if (!isTransient(error.status)) throw error;
      this.#leastMs = error.retryAfterMs;
    }
    this.#cause = error;
    this.#reason = reasonOf(error);
  }

  /** Return how long to wait before the next connection. Throws once patience is exhausted. */
  #waitMs(): number {
    // The first retry doesn't wait for the stream's `retry`: most often our connection alone has broken.
    if (this.#patience.isTried) this.#leastMs = Math.max(this.#leastMs, this.#retryMs);
    else this.watcher.onLost?.(this.#reason);
    const waitMs = this.#patience.waitMs(this.#leastMs);
    if (waitMs !== undefined) return waitMs;
    if (this.runId) throw this.#cutOff("cut_off", this.#reason, this.#cause);
    if (this.#cause instanceof ServerError) throw this.#cause;
    throw new ServerUnreachable(this.#reason, this.#cause);
  }

  #cutOff(code: "cut_off" | "stream_gap", message: string, cause?: unknown): StreamCutOff {
    return new StreamCutOff(code, message, this.runId, this.cursor, cause);
  }
}

function numbers(cursor: string): [number, number] {
  const [attempt, seq] = cursor.split("-").map(Number);
  return [attempt ?? NaN, seq ?? NaN];
}
