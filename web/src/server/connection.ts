/** Whether the server can be reached, as the last request has shown, and asking until it can. */

export type Reach = "reached" | "offline" | "gone";
type Listener = (reach: Reach) => void;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** Watches the connection: requests report to it, the page shows it. */
export class Connection {
  private reach: Reach = "reached";
  private readonly listeners = new Set<Listener>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pauseMs = FIRST_PAUSE_MS;
  private readonly closed = new AbortController();

  /**
   * probe: asks the server for something small, and rejects if it isn't there.
   * isOnline: whether there is a network at all, as far as the browser knows.
   */
  constructor(
    private readonly probe: () => Promise<unknown>,
    private readonly isOnline: () => boolean = () => navigator.onLine,
  ) {}

  get now(): Reach {
    return this.reach;
  }

  /** Calls the listener at each change, until what is returned is called. */
  watch(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Starts to listen to the browser, which knows when there is no network at all, until close(). */
  listen(window: Window): void {
    const { signal } = this.closed;
    window.addEventListener("online", () => void this.ask(), { signal });
    window.addEventListener("offline", () => this.lost(), { signal });
  }

  /** Stops to listen and to ask. */
  close(): void {
    this.closed.abort();
    clearTimeout(this.timer);
  }

  /** A request was answered, whatever the answer. */
  answered(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.pauseMs = FIRST_PAUSE_MS;
    this.become("reached");
  }

  /** A request was not answered: the server is asked, at growing intervals, until it does. */
  lost(): void {
    this.become(this.isOnline() ? "gone" : "offline");
    if (this.timer !== undefined || this.closed.signal.aborted) return;
    this.timer = setTimeout(() => void this.ask(), this.pauseMs);
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
  }

  private async ask(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    try {
      await this.probe();
      this.answered();
    } catch {
      this.lost();
    }
  }

  private become(reach: Reach): void {
    if (reach === this.reach) return;
    this.reach = reach;
    for (const listener of [...this.listeners]) listener(reach);
  }
}
