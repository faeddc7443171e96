import type { Info } from "../server/info";
import type { Route } from "../shell/route";
import { ListView } from "./list/ListView";
import { RunPage } from "./run/RunPage";
import "./runs.css";

/** The list of runs, or one of them. */
export default function RunsView({ info, route }: { info: Info; route: Route }) {
  const graph = info.graphs.find((each) => each.name === route.graph);
  if (route.id === null || graph === undefined) return <ListView info={info} route={route} />;
  return <RunPage key={`${graph.name} ${route.id}`} graph={graph} runId={route.id} />;
}
