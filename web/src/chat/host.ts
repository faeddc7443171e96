/** Where a chat is shown: in the page, or in an element on somebody's page. */
import { createContext, type ComponentType } from "preact";
import { useContext } from "preact/hooks";
import type { GraphInfo } from "../server/info";
import type { Conversation } from "./conversation";
import type { Drafts } from "./drafts";
import type { Extras, Shown } from "./shown";

export interface ToolsProps {
  readonly graph: GraphInfo;
  readonly shown: Shown;
  readonly draft: string;
}

export interface Host {
  readonly drafts: Drafts;
  /** What stands in the empty field; null: the words for it. */
  readonly placeholder: string | null;
  /** What is beside the message. */
  readonly Tools: ComponentType<ToolsProps>;
  /** Returns what a graph's runs are started with. */
  extras(graph: GraphInfo): Extras;
  /** The server has made a thread, which is the one that is shown now. */
  onThread(graph: GraphInfo, threadId: string): void;
  /** Something else is shown; null: nothing any more. */
  onShown?(conversation: Conversation, shown: Shown | null, graph: GraphInfo): void;
}

const HostContext = createContext<Host | null>(null);
export const HostProvider = HostContext.Provider;

export function useHost(): Host {
  const host = useContext(HostContext);
  if (host === null) throw new Error("a chat is outside of a HostProvider");
  return host;
}
