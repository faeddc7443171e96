/** One request, given up when the caller's signal aborts or the server is silent. */

export class Connection {
  #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort = () => this.#controller.abort(this.signal?.reason);

  constructor(
    readonly silenceMs: number,
    readonly signal?: AbortSignal,
  ) {
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.#abort();
  }

  /** Send the request, and return the response once its head is there. */
  open(send: typeof fetch, url: string, init: RequestInit): Promise<Response> {
    return this.wait(send(url, { ...init, signal: this.#controller.signal }));
  }

  /** Wait no longer than the server may be silent. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    if (this.silenceMs < 2 ** 31) {
      this.#timer = setTimeout(
        () => this.#controller.abort(new Error("the server is silent")),
        this.silenceMs,
      );
    }
    try {
      return await promise;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Let go of the request, whether it is done or not. */
  close(): void {
    this.signal?.removeEventListener("abort", this.#abort);
    this.#controller.abort();
  }
}
