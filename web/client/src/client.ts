/** The client: starts, follows, cancels and answers runs. */

import { Connection } from "./connection.ts";
import { reasonOf, serverError, ServerError, ServerUnreachable, type SeltzerError } from "./errors.ts";
import type { Json, RunAnswer, RunEvent, RunInfo, RunStart } from "./events.ts";
import { Follower, isTransient, type Source, type Watcher } from "./follower.ts";
import { Patience, pause } from "./patience.ts";

export interface ClientOptions {
  /** Sent with every request; a function is called for each, for a key that may change. */
  headers?: Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>);
  fetch?: typeof fetch;
  /** For how long a lost connection is restored; Infinity: until the signal aborts. */
  patienceMs?: number;
  /** How long a stream may be silent before it counts as lost; the server pings every 5 s. */
  silenceMs?: number;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export interface OnceOptions extends CallOptions {
  /** What makes a request count once, however often it is sent; by default a new one for each call. */
  idempotencyKey?: string;
}

export interface RequestOptions extends OnceOptions {
  /** Sent as JSON. */
  body?: Json;
  /** Send it again while the connection breaks: it counts once. */
  retry?: boolean;
}

export interface StreamOptions extends OnceOptions, Watcher {}

export interface FollowOptions extends CallOptions, Watcher {
  /** The cursor of the last event that was read elsewhere. */
  after?: string;
}

export type Events = AsyncGenerator<RunEvent, void, undefined>;

/** url: where the server is, such as `http://127.0.0.1:8000` or `/prefix`. */
export class Client {
  readonly url: string;
  readonly #options: ClientOptions;

  constructor(url = "", options: ClientOptions = {}) {
    this.url = url.replace(/\/+$/, "");
    this.#options = options;
  }

  /** Start a run, which continues whether it is followed or not. */
  start(graph: string, start: RunStart, options?: OnceOptions): Promise<RunInfo> {
    return this.request("POST", path(graph, "runs"), { ...options, body: start, retry: true });
  }

  /** Start a run and yield its events. Leaving it, or aborting, doesn't cancel the run. */
  stream(graph: string, start: RunStart, options?: StreamOptions): Events {
    return this.#stream(graph, path(graph, "runs"), start, options);
  }

  /** Answer what an interrupted run asks, and yield the events of the new run that continues it. */
  answer(graph: string, runId: string, answer: RunAnswer, options?: StreamOptions): Events {
    return this.#stream(graph, path(graph, "runs", runId, "resume"), answer, options);
  }

  /** Yield a run's events from the start or after a cursor, up to its last one: none if that was read. */
  follow(graph: string, runId: string, options: FollowOptions = {}): Events {
    return this.#follow(graph, runId, options.after ?? "", options);
  }

  /** Stop a run; its text so far stays in the thread. */
  cancel(graph: string, runId: string, options?: CallOptions): Promise<RunInfo> {
    return this.request("POST", path(graph, "runs", runId, "cancel"), { ...options, retry: true });
  }

  run(graph: string, runId: string, options?: CallOptions): Promise<RunInfo> {
    return this.request("GET", path(graph, "runs", runId), options);
  }

  /** Send any request to the server and return the JSON of its answer, undefined if there is none. */
  async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const { signal, body, retry, idempotencyKey } = options;
    const init = this.#init(method, body, retry && (idempotencyKey ?? newKey()));
    const patience = new Patience(retry ? this.#patienceMs : 0);
    for (;;) {
      const answer = await this.#once(path, init, signal);
      if (!(answer instanceof Error)) return answer.json as T;
      const waitMs = patience.waitMs(answer instanceof ServerError ? answer.retryAfterMs : 0);
      if (waitMs === undefined || isFinal(answer)) throw answer;
      await pause(waitMs, signal);
    }
  }

  /** Return the answer, or why there is none. Throws the signal's reason. */
  async #once(path: string, init: Init, signal?: AbortSignal): Promise<{ json: Json } | SeltzerError> {
    const connection = new Connection(this.#silenceMs, signal);
    try {
      const response = await this.#send(connection, path, init);
      if (!response.ok) return await serverError(response);
      const text = await connection.wait(response.text());
      return { json: text ? JSON.parse(text) : undefined };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      return new ServerUnreachable(reasonOf(error), error);
    } finally {
      connection.close();
    }
  }

  #stream(graph: string, target: string, body: Json, options: StreamOptions = {}): Events {
    const init = this.#init("POST", body, options.idempotencyKey ?? newKey(), "text/event-stream");
    return this.#follow(graph, "", "", options, (connection) => this.#send(connection, target, init));
  }

  #follow(
    graph: string,
    runId: string,
    after: string,
    options: Watcher & CallOptions,
    begin?: (connection: Connection) => Promise<Response>,
  ): Events {
    const source: Source = {
      silenceMs: this.#silenceMs,
      patienceMs: this.#patienceMs,
      open: (connection, runId, cursor) => {
        if (!runId && begin) return begin(connection);
        const init = this.#init("GET", undefined, undefined, "text/event-stream");
        if (cursor) init.headers["last-event-id"] = cursor;
        return this.#send(connection, path(graph, "runs", runId, "events"), init);
      },
    };
    return new Follower(source, options, options.signal, runId, after).events();
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? 60_000;
  }

  get #silenceMs(): number {
    return this.#options.silenceMs ?? 15_000;
  }

  async #send(connection: Connection, target: string, init: Init): Promise<Response> {
    const { headers, fetch: send = fetch } = this.#options;
    const own = typeof headers === "function" ? await headers() : headers;
    return connection.open(send, this.url + target, { ...init, headers: { ...own, ...init.headers } });
  }

  #init(method: string, body: Json, key?: string | false, accept = "application/json"): Init {
    const headers: Record<string, string> = { accept };
    if (key) headers["idempotency-key"] = key;
    if (body === undefined) return { method, headers };
    headers["content-type"] = "application/json";
    return { method, headers, body: JSON.stringify(body) };
  }
}

interface Init {
  method: string;
  headers: Record<string, string>;
  body?: string;
}

/** Return a path below the graph's; graph is its name, or its own path, `` for the server's own. */
export function path(graph: string, ...names: string[]): string {
  const isPath = !graph || graph.startsWith("/");
  return [isPath ? graph : `/${encodeURIComponent(graph)}`, ...names.map(encodeURIComponent)].join("/");
}

/** Whether sending the request again can't change its answer. */
function isFinal(error: SeltzerError): boolean {
  return error instanceof ServerError && (error.status === 429 || !isTransient(error.status));
}

/** Not crypto.randomUUID(), which a page that is served without TLS hasn't. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
}
