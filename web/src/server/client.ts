/** The page's requests: all of them go through this client, so that one place has the headers. */
import { Client } from "@seltzer/client";
import { address } from "./base";
import { Connection } from "./connection";

const PROBE_MS = 5_000;

/** Whether the server answers, as the last request has shown. */
export const connection = new Connection(async () =>
  fetch(address("health"), { cache: "no-store", signal: AbortSignal.timeout(PROBE_MS) }),
);

/** What every request carries. A key will stand here. */
const headers = (): Record<string, string> => ({});

/** As `fetch`, and tells the connection whether somebody has answered. */
const watched: typeof fetch = async (input, init) => {
  try {
    const response = await fetch(input, init);
    connection.answered();
    return response;
  } catch (error) {
    if (!isAborted(init?.signal)) connection.lost();
    throw error;
  }
};

/** Whether whoever asked has given up; a silent server is given up too, but for another reason. */
function isAborted(signal: AbortSignal | null | undefined): boolean {
  return (signal?.aborted ?? false) && signal?.reason instanceof DOMException;
}

export const client = new Client(address("").href, { headers, fetch: watched, patienceMs: Infinity });
