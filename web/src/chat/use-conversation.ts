import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import { Conversation } from "./conversation";
import { useServer } from "../server/server";
import { Gateway } from "./gateway";
import type { Extras, Shown } from "./shown";
import { openTabs } from "./tabs";

/**
 * Returns the conversation on a thread, and what is shown of it; rendered at most once a frame.
 *
 * graph is the path of its routes. onThread is called with a new thread's id as soon as the server has made it.
 */
export function useConversation(
  graph: string,
  threadId: string | null,
  onThread: (threadId: string) => void,
  extras: () => Extras,
): [Conversation, Shown] {
  const server = useServer();
  const [conversation, tabs] = useMemo(() => {
    const opened = openTabs(server, graph);
    const gateway = new Gateway(server, graph, opened.announce);
    return [new Conversation(gateway, onThread, extras), opened] as const;
  }, [server, graph]);
  const [shown, setShown] = useState(conversation.shown);

  // Before anybody is shown it: what is asked of a conversation that isn't open yet would be lost.
  useLayoutEffect(() => {
    let frame = 0;
    const show = () => {
      frame = 0;
      setShown(conversation.shown);
    };
    conversation.watch(() => {
      // A hidden tab has no frames.
      if (document.hidden) show();
      else frame ||= requestAnimationFrame(show);
    });
    const refresh = () => {
      if (!document.hidden) void conversation.refresh();
    };
    tabs.watch((changed) => {
      if (changed === conversation.shown.threadId) void conversation.refresh();
    });
    addEventListener("focus", refresh);
    document.addEventListener("visibilitychange", refresh);
    const unwatch = server.connection.watch((reach) => {
      if (reach === "reached") void conversation.refresh();
    });
    return () => {
      unwatch();
      cancelAnimationFrame(frame);
      removeEventListener("focus", refresh);
      document.removeEventListener("visibilitychange", refresh);
      conversation.leave();
      tabs.close();
    };
  }, [conversation]);

  useLayoutEffect(() => {
    void conversation.open(threadId);
  }, [conversation, threadId]);
  return [conversation, shown];
}
