/** What a request to the server may end with besides an answer. */

/** The server has refused, or failed: its problem (RFC 9457), or what a proxy has sent in its place. */
export class ServerError extends Error {
  override readonly name = "ServerError";

  constructor(
    readonly status: number,
    /** The server's stable name of the error; `http_STATUS` if it isn't the server that has answered. */
    readonly code: string,
    readonly detail: string,
    readonly requestId: string | null = null,
  ) {
    super(detail);
  }
}

/** Nobody has answered: no network, no server, or one that is being restarted. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** Returns the error of an answer whose status is none of success. */
export async function errorOf(response: Response): Promise<ServerError> {
  const fallback = `${response.status} ${response.statusText}`.trim();
  let problem: unknown;
  try {
    problem = await response.json();
  } catch {
    problem = null;
  }
  const field = (name: string): string | null => {
    const value: unknown = isRecord(problem) ? problem[name] : null;
    return typeof value === "string" && value ? value : null;
  };
  return new ServerError(
    response.status,
    field("code") ?? `http_${response.status}`,
    field("detail") ?? field("message") ?? fallback,
    field("request_id"),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
