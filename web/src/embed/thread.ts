/** Which thread an element shows; where the page asks for it, that is kept in the browser. */
import type { GraphInfo } from "../server/info";
import type { Server } from "../server/server";
import { keepThread, keptThread } from "./memory";

/** What is asked of the element. */
interface Element {
  thread: string | null;
  readonly remember: boolean;
}

export class Thread {
  private restored = "";
  private kept: string | null = null;

  constructor(private readonly element: Element) {}

  /** Returns the thread that is shown of a graph: at first, the one that was kept. */
  of(server: Server | null, graph: GraphInfo): string | null {
    if (server === null || !this.element.remember) return this.element.thread;
    const url = server.address(graph.path).href;
    if (this.restored !== url) {
      this.restored = url;
      this.kept = keptThread(url);
      this.element.thread ??= this.kept;
    }
    const { thread } = this.element;
    if (thread !== this.kept) keepThread(url, thread);
    this.kept = thread;
    return thread;
  }
}
