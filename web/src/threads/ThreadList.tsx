import { useEffect, useState } from "preact/hooks";
import { SearchIcon } from "../look/icons";
import { useWords } from "../words";
import { wordsOf } from "../words/errors";
import { ThreadItem } from "./ThreadItem";
import { useThreads } from "./use-threads";
import "./threads.css";

interface Props {
  /** The graph's name, for links. */
  readonly graph: string;
  /** The path of its routes. */
  readonly path: string;
  /** The thread that is shown. */
  readonly current: string | null;
}

/** The threads of a graph, the newest first. */
export function ThreadList({ graph, path, current }: Props) {
  const words = useWords();
  const [query, setQuery] = useState("");
  const threads = useThreads(path, query);
  useEffect(() => setQuery(""), [path]);
  return (
    <div class="threads">
      {(threads.list.length > 0 || query !== "") && (
        <label class="thread-search">
          <SearchIcon />
          <input
            type="search"
            class="thread-search-field"
            data-hotkey="t"
            aria-label={words.searchThreads}
            placeholder={words.searchThreads}
            maxLength={200}
            value={query}
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
        </label>
      )}
      {threads.problem && (
        <p class="note sidebar-note" role="alert">
          {wordsOf(words, threads.problem.code) ?? words.failed}
        </p>
      )}
      {threads.isLoaded && threads.list.length === 0 && (
        <p class="note sidebar-note">{query === "" ? words.noThreads : words.noThreadsFound}</p>
      )}
      <ul class="links">
        {threads.list.map((thread) => (
          <ThreadItem
            key={thread.thread_id}
            thread={thread}
            graph={graph}
            isCurrent={thread.thread_id === current}
            onRename={(title) => threads.rename(thread, title)}
            onDelete={() => threads.remove(thread)}
          />
        ))}
      </ul>
      {threads.hasMore && (
        <button type="button" class="button is-quiet" onClick={threads.loadMore}>
          {words.moreThreads}
        </button>
      )}
      {threads.deleted && (
        <div class="thread-undo" role="status">
          <span>{words.threadDeleted}</span>
          <button type="button" class="button is-quiet" onClick={threads.undo}>
            {words.undo}
          </button>
        </div>
      )}
    </div>
  );
}
