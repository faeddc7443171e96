/** A Seltzer server, as a page or an element on it uses it. */
import { Client, type ClientOptions } from "@seltzer/client";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { address } from "./base";
import { Connection } from "./connection";

const PROBE_MS = 5_000;

export class Server {
  readonly client: Client;
  /** Whether it answers, as the last request has shown. */
  readonly connection: Connection;
  private readonly closed = new AbortController();

  /** base: an address in the folder where the server is. headers: what every request carries, as a key. */
  constructor(
    private readonly base: string,
    headers: NonNullable<ClientOptions["headers"]> = {},
  ) {
    const health = this.address("health");
    this.connection = new Connection(async () =>
      fetch(health, { cache: "no-store", signal: AbortSignal.timeout(PROBE_MS) }),
    );
    this.client = new Client(this.address("").href, { headers, fetch: this.watched, patienceMs: Infinity });
  }

  /** Aborted when nobody uses the server any more. */
  get signal(): AbortSignal {
    return this.closed.signal;
  }

  /** Returns the address of a path of the server's: `agent/runs`, `info`. */
  address(path: string): URL {
    return address(path, this.base);
  }

  /** Ends what is asked again and again. */
  close(): void {
    this.closed.abort();
    this.connection.close();
  }

  /** As `fetch`, and tells the connection whether somebody has answered. */
  private readonly watched: typeof fetch = async (input, init) => {
    try {
      // What is deleted when the page is left is deleted all the same.
      const response = await fetch(input, { ...init, keepalive: init?.method === "DELETE" });
      this.connection.answered();
      return response;
    } catch (error) {
      if (!isAborted(init?.signal)) this.connection.lost();
      throw error;
    }
  };
}

/** Whether whoever asked has given up; a silent server is given up too, but for another reason. */
function isAborted(signal: AbortSignal | null | undefined): boolean {
  return (signal?.aborted ?? false) && signal?.reason instanceof DOMException;
}

const ServerContext = createContext<Server | null>(null);
export const ServerProvider = ServerContext.Provider;

/** Returns the server that is shown here. */
export function useServer(): Server {
  const server = useContext(ServerContext);
  if (server === null) throw new Error("a component that needs a server is outside of a ServerProvider");
  return server;
}
