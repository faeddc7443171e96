import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { GraphInfo } from "../server/info";
import type { Conversation } from "./conversation";

/** What the parts of a conversation act on; it stays the same while the conversation is shown. */
export interface ChatActions {
  readonly conversation: Conversation;
  readonly graph: GraphInfo;
}

export const ChatContext = createContext<ChatActions | null>(null);

/** Returns what the conversation around a component can do. */
export function useChat(): ChatActions {
  const actions = useContext(ChatContext);
  if (actions === null) throw new Error("there is no conversation around this");
  return actions;
}
