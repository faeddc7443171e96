import type { RunStatus } from "@seltzer/client";
import type { Info } from "../../server/info";
import { Notice } from "../../shell/Notice";
import type { Route } from "../../shell/route";
import { navigate } from "../../shell/use-route";
import { useWords } from "../../words";
import { Counters } from "./Counters";
import { Filters } from "./Filters";
import { STATUSES, type Filter } from "../model/list";
import { RunTable } from "./RunTable";
import { useLive } from "../use-live";
import { useRuns } from "./use-runs";

const EVERYTHING: Filter = { graph: null, status: null, thread: null };

/** The runs of all graphs, and what the process does now. */
export function ListView({ info, route }: { info: Info; route: Route }) {
  const words = useWords();
  const filter = filterOf(route);
  const counters = useLive();
  const list = useRuns(filter, counters.moves);
  const isFiltered = Object.values(filter).some((each) => each !== null);
  const choose = (next: Filter) => navigate(routeFor(next));
  return (
    <section class="runs" aria-label={words.runs}>
      <div class="runs-head">
        <Counters counters={counters} />
        <Filters info={info} filter={filter} onFilter={choose} />
      </div>
      {list.error && !list.isLoaded && (
        <Notice
          text={words.failed}
          detail={list.error.message}
          action={words.tryAgain}
          onAction={list.refresh}
        />
      )}
      {!list.isLoaded && !list.error && <Skeleton />}
      {list.runs.length > 0 && <RunTable list={list} aheadMs={counters.aheadMs} />}
      {list.isLoaded && list.runs.length === 0 && (
        <Empty isFiltered={isFiltered} onAll={() => choose(EVERYTHING)} />
      )}
      <p class="unseen" role="status">
        {list.isLoaded ? words.updated(list.runs.length) : words.loading}
      </p>
    </section>
  );
}

/** That there are no runs, or none of these. */
function Empty({ isFiltered, onAll }: { isFiltered: boolean; onAll: () => void }) {
  const words = useWords();
  return (
    <div class="runs-empty">
      <p class="note">{isFiltered ? words.noRunsFound : words.noRuns}</p>
      {isFiltered && (
        <button type="button" class="button" onClick={onAll}>
          {words.allRuns}
        </button>
      )}
    </div>
  );
}

/** Where the runs will be. */
function Skeleton() {
  return (
    <div class="runs-skeleton" aria-hidden="true">
      {Array.from({ length: 6 }, (_, at) => (
        <span key={at} />
      ))}
    </div>
  );
}

function filterOf({ graph, query = {} }: Route): Filter {
  const status = STATUSES.find((each) => each === query["status"]) ?? null;
  return { graph, status, thread: query["thread"] ?? null };
}

function routeFor({ graph, status, thread }: Filter): Route {
  const query: Record<string, RunStatus | string> = {};
  if (status !== null) query["status"] = status;
  if (thread !== null) query["thread"] = thread;
  return { graph, view: "runs", id: null, query };
}
