import type { RunStatus } from "@seltzer/client";
import { CloseIcon } from "../../look/icons";
import type { Info } from "../../server/info";
import { useWords } from "../../words";
import { STATUSES, type Filter } from "../model/list";
import { statusName } from "../StatusMark";

interface Props {
  readonly info: Info;
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
}

/** By what the list of runs is filtered. */
export function Filters({ info, filter, onFilter }: Props) {
  const words = useWords();
  const names = info.graphs.map((each) => each.name);
  const graphs = filter.graph === null || names.includes(filter.graph) ? names : [...names, filter.graph];
  return (
    <div class="run-filters">
      <label class="run-filter">
        <span class="unseen">{words.graph}</span>
        <select
          class="field"
          value={filter.graph ?? ""}
          onChange={(event) => onFilter({ ...filter, graph: event.currentTarget.value || null })}
        >
          <option value="">{words.allGraphs}</option>
          {graphs.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="run-filter">
        <span class="unseen">{words.status}</span>
        <select
          class="field"
          value={filter.status ?? ""}
          onChange={(event) =>
            onFilter({ ...filter, status: (event.currentTarget.value || null) as RunStatus | null })
          }
        >
          <option value="">{words.allStatuses}</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {statusName(words, status)}
            </option>
          ))}
        </select>
      </label>
      {filter.thread !== null && (
        <span class="run-thread">
          <span class="note">{words.thread}</span>
          <code dir="auto">{filter.thread}</code>
          <button
            type="button"
            class="button is-quiet is-icon"
            aria-label={words.clearThread}
            title={words.clearThread}
            onClick={() => onFilter({ ...filter, thread: null })}
          >
            <CloseIcon />
          </button>
        </span>
      )}
    </div>
  );
}
