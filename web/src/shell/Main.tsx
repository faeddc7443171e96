import { useRef } from "preact/hooks";
import { ChatView } from "../chat/ChatView";
import type { GraphInfo, Info } from "../server/info";
import { useWords } from "../words";
import { BesidePanel } from "./Beside";
import { lazy } from "./lazy";
import { Notice } from "./Notice";
import type { Route } from "./route";

const GraphView = lazy(async () => (await import("../graph/GraphView")).default);
const RunsView = lazy(async () => (await import("../runs/RunsView")).default);

interface Props {
  readonly info: Info;
  readonly route: Route;
  /** Whether the graph stands beside the chat. */
  readonly isBeside: boolean;
}

/** What the route shows. */
export function Main({ info, route, isBeside }: Props) {
  const words = useWords();
  const threads = useRef(new Map<string | null, string | null>());
  if (route.view === "chat") threads.current.set(route.graph, route.id);
  const graph = info.graphs.find((each) => each.name === route.graph);
  if (route.view === "runs" && route.id === null) return <RunsView info={info} route={route} />;
  if (route.graph === null) return <Notice text={words.noGraphs} />;
  if (graph === undefined) return <Missing info={info} name={route.graph} />;
  const threadId = threads.current.get(graph.name) ?? null;
  return <View info={info} graph={graph} route={route} isBeside={isBeside} threadId={threadId} />;
}

interface ViewProps extends Props {
  readonly graph: GraphInfo;
  /** The conversation that the chat has shown last. */
  readonly threadId: string | null;
}

function View({ info, graph, route, isBeside, threadId }: ViewProps) {
  switch (route.view) {
    case "chat":
      return (
        <div key={graph.name} class="side-by-side">
          <ChatView info={info} graph={graph} threadId={route.id} />
          {isBeside && <BesidePanel graph={graph} threadId={route.id} />}
        </div>
      );
    case "runs":
      return <RunsView info={info} route={route} />;
    case "graph":
      return <GraphView key={graph.name} graph={graph} runId={route.id} threadId={threadId} />;
  }
}

function Missing({ info, name }: { info: Info; name: string }) {
  const words = useWords();
  const broken = info.broken.find((each) => each.name === name);
  if (broken) return <Notice text={words.brokenGraph(name)} detail={broken.why} />;
  return <Notice text={words.unknownGraph(name)} />;
}
