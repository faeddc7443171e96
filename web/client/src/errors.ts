/** What a call may throw, besides an AbortSignal's own reason. */

export class SeltzerError extends Error {
  /** Stable, for programs: `thread_busy`, `unknown_run`, .. */
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
  }
}

/** The server has refused a request. `message` is its reason, for people. */
export class ServerError extends SeltzerError {
  constructor(
    code: string,
    message: string,
    readonly status: number,
    readonly retryAfterMs: number,
  ) {
    super(code, message);
  }
}

/** No answer for as long as the client is patient. */
export class ServerUnreachable extends SeltzerError {
  constructor(message: string, cause?: unknown) {
    super("server_unreachable", message, cause);
  }
}

/** A run's next events can't be had: `stream_gap`, they aren't kept any more; `cut_off`, the server is gone. */
export class StreamCutOff extends SeltzerError {
  constructor(
    code: "cut_off" | "stream_gap",
    message: string,
    readonly runId: string,
    /** The last event that was read: where to continue. */
    readonly cursor: string,
    cause?: unknown,
  ) {
    super(code, message, cause);
  }
}

/** Return the error of a response that isn't a success; reads its body. */
export async function serverError(response: Response): Promise<ServerError> {
  const text = await response.text();
  let problem: { code?: unknown; detail?: unknown; title?: unknown } | null = null;
  try {
    problem = JSON.parse(text);
  } catch {
    // a proxy's page: its status says enough
  }
  const wait = Number(response.headers.get("retry-after"));
  return new ServerError(
    typeof problem?.code === "string" ? problem.code : `http_${response.status}`,
    String(problem?.detail || problem?.title || response.statusText || "the server gave no reason"),
    response.status,
    wait > 0 ? wait * 1000 : 0,
  );
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
