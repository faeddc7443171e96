/** The other tabs of this browser that show the same server: each is told when a thread has changed. */
import type { Server } from "../server/server";

export interface Tabs {
  announce(threadId: string): void;
  /** Calls the listener when another tab has begun or ended a run on a thread, or changed the thread. */
  watch(listener: (threadId: string) => void): void;
  close(): void;
}

/** Opens the channel between the tabs, for the threads of a graph. */
export function openTabs(server: Server, graph: string): Tabs {
  if (typeof BroadcastChannel === "undefined") {
    return { announce: () => undefined, watch: () => undefined, close: () => undefined };
  }
  const channel = new BroadcastChannel(`seltzer ${server.address(graph).href}`);
  return {
    announce: (threadId) => channel.postMessage(threadId),
    watch: (listener) => {
      channel.onmessage = (event: MessageEvent<unknown>) => listener(String(event.data));
    },
    close: () => channel.close(),
  };
}
