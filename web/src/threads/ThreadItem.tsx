import { useEffect, useRef, useState } from "preact/hooks";
import { PencilIcon, TrashIcon } from "../look/icons";
import type { ThreadInfo } from "../server/threads";
import { hashOf } from "../shell/route";
import { useWords } from "../words";

interface Props {
  readonly thread: ThreadInfo;
  readonly graph: string;
  readonly isCurrent: boolean;
  readonly onRename: (title: string) => void;
  readonly onDelete: () => void;
}

/** A thread's title, and what can be done with it. */
export function ThreadItem({ thread, graph, isCurrent, onRename, onDelete }: Props) {
  const words = useWords();
  const [isNaming, setNaming] = useState(false);
  const title = thread.title || dateOf(thread, words.languageCode);
  if (isNaming) {
    return (
      <li>
        <TitleField
          title={thread.title}
          onDone={(next) => {
            setNaming(false);
            if (next && next !== thread.title) onRename(next);
          }}
        />
      </li>
    );
  }
  return (
    <li class="thread">
      <a
        class="link thread-link"
        href={hashOf({ graph, view: "chat", id: thread.thread_id })}
        aria-current={isCurrent ? "page" : undefined}
        title={title}
      >
        <span class="thread-title" dir="auto">
          {title}
        </span>
        {thread.status !== "idle" && <Status status={thread.status} />}
      </a>
      <span class="thread-actions">
        <button
          type="button"
          class="button is-quiet is-icon"
          aria-label={words.renameThread(title)}
          title={words.rename}
          onClick={() => setNaming(true)}
        >
          <PencilIcon />
        </button>
        <button
          type="button"
          class="button is-quiet is-icon"
          aria-label={words.deleteThread(title)}
          title={words.delete}
          onClick={onDelete}
        >
          <TrashIcon />
        </button>
      </span>
    </li>
  );
}

/** A conversation without a message has no title but its time. */
function dateOf(thread: ThreadInfo, language: string): string {
  const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  return format.format(new Date(thread.created_at));
}

/** A mark: it runs, it asks, it has failed. */
function Status({ status }: { status: ThreadInfo["status"] }) {
  const words = useWords();
  const names = { busy: words.answering, interrupted: words.asksYou, error: words.answerFailed, idle: "" };
  return (
    <span class="thread-status" data-status={status} title={names[status]}>
      <span class="unseen">{names[status]}</span>
    </span>
  );
}

function TitleField({ title, onDone }: { title: string; onDone: (title: string | null) => void }) {
  const words = useWords();
  const field = useRef<HTMLInputElement>(null);
  const isDone = useRef(false);
  useEffect(() => field.current?.select(), []);
  const done = (next: string | null) => {
    if (isDone.current) return;
    isDone.current = true;
    onDone(next?.trim() || null);
  };
  return (
    <input
      ref={field}
      class="field thread-field"
      dir="auto"
      maxLength={200}
      aria-label={words.rename}
      defaultValue={title}
      onBlur={(event) => done(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.isComposing || event.keyCode === 229) return;
        if (event.key === "Enter") done(event.currentTarget.value);
        if (event.key === "Escape") done(null);
      }}
    />
  );
}
