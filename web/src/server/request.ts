/** The page's requests. Everything it asks the server passes here: one place has the headers and the errors. */
import { address } from "./base";
import { Connection } from "./connection";
import { Unreachable, errorOf } from "./errors";

const PROBE_MS = 5_000;

/** Whether the server answers. */
export const connection = new Connection(async () =>
  fetch(address("health"), { cache: "no-store", signal: AbortSignal.timeout(PROBE_MS) }),
);

/** Returns the headers that every request has. Keys will be added here. */
function headers(given: HeadersInit | undefined): Headers {
  return new Headers(given);
}

/** Sends a request as `fetch` does, with the page's headers; the server's other clients use it, too. */
export const send: typeof fetch = async (input, init) => {
  try {
    const response = await fetch(input, { ...init, headers: headers(init?.headers) });
    connection.answered();
    return response;
  } catch (error) {
    if (init?.signal?.aborted) throw error;
    connection.lost();
    throw new Unreachable(String(error), { cause: error });
  }
};

/** Returns the JSON that the server answers with. Throws ServerError, Unreachable. */
export async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
  const wanted = new Headers(init.headers);
  wanted.set("accept", "application/json");
  const response = await send(address(path), { ...init, headers: wanted });
  if (!response.ok) throw await errorOf(response);
  return response.status === 204 ? null : await response.json();
}
