/** The page, as a chat sees it. */
import { Drafts } from "../chat/drafts";
import { extrasOf } from "../chat/extras";
import type { Host } from "../chat/host";
import { Tools } from "../chat/Tools";
import { remember } from "./places";
import { navigate } from "./use-route";

export const PAGE: Host = {
  drafts: new Drafts(),
  placeholder: null,
  Tools,
  extras: (graph) => extrasOf(graph.path),
  onThread: (graph, id) => navigate({ graph: graph.name, view: "chat", id }, { replace: true }),
  onShown: (_, shown, graph) => {
    if (shown === null) return;
    remember(graph.name, "chat", shown.threadId);
    remember(graph.name, "graph", shown.turns.at(-1)?.runId ?? null);
  },
};
