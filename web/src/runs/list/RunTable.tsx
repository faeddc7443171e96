import { useEffect, useRef } from "preact/hooks";
import { useWords } from "../../words";
import { RunRow } from "./RunRow";
import type { RunList } from "./use-runs";
import { useNow } from "../use-now";
import { isActive } from "../model/list";

/** The runs, the newest first, and more of them when their end is seen. */
export function RunTable({ list, aheadMs }: { list: RunList; aheadMs: number }) {
  const words = useWords();
  const now = useNow(list.runs.some((each) => isActive(each.status)) ? 1_000 : 10_000) + aheadMs;
  return (
    <>
      <table class="run-table" role="table" aria-label={words.runs} aria-busy={!list.isLoaded}>
        <thead role="rowgroup">
          <tr role="row">
            {[
              words.status,
              words.graph,
              words.started,
              words.duration,
              words.firstToken,
              words.tokensColumn,
            ].map((name, at) => (
              <th
                key={name}
                scope="col"
                role="columnheader"
                class={at > 2 ? "run-cell is-number" : "run-cell"}
              >
                {name}
              </th>
            ))}
            <td role="cell" class="run-cell" />
          </tr>
        </thead>
        <tbody role="rowgroup">
          {list.runs.map((run) => (
            <RunRow key={run.run_id} run={run} now={now} />
          ))}
        </tbody>
      </table>
      {list.hasMore && <More list={list} />}
    </>
  );
}

function More({ list }: { list: RunList }) {
  const words = useWords();
  const end = useRef<HTMLParagraphElement>(null);
  const latest = useRef(list.loadMore);
  latest.current = list.loadMore;
  useEffect(() => {
    const watched = end.current;
    if (watched === null) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((each) => each.isIntersecting)) latest.current();
    });
    observer.observe(watched);
    return () => observer.disconnect();
  }, [list.runs.length]);
  return (
    <p class="run-more" ref={end}>
      <button type="button" class="button is-quiet" disabled={list.isLoadingMore} onClick={list.loadMore}>
        {list.isLoadingMore ? words.loading : words.moreRuns}
      </button>
    </p>
  );
}
