import { CodeBox } from "../../chat/CodeBox";
import { pretty, textOf } from "../../state";
import { useWords } from "../../words";
import type { Change, Path } from "../model/diff";

const SIGNS = { added: "+", removed: "−", changed: "~" };
const SHORT = 160;

/** What has changed, by its path. */
export function Changes({ changes }: { changes: readonly Change[] }) {
  const words = useWords();
  const names = { added: words.changeAdded, removed: words.changeRemoved, changed: words.changeChanged };
  return (
    <ul class="changes" aria-label={words.changes}>
      {changes.map((change) => (
        <li key={`${change.kind} ${pathText(change.path)}`} class="change" data-kind={change.kind}>
          <span class="change-sign" aria-hidden="true">
            {SIGNS[change.kind]}
          </span>
          <div class="change-text">
            <p class="change-path">
              <span class="unseen">{names[change.kind]}</span>
              <code>{pathText(change.path) || words.atRoot}</code>
            </p>
            {change.kind !== "added" && change.before !== undefined && (
              <Value value={change.before} isGone={change.kind === "changed" || change.kind === "removed"} />
            )}
            {change.kind !== "removed" && <Value value={change.after} isGone={false} />}
          </div>
        </li>
      ))}
    </ul>
  );
}

/** A value: a message by who wrote it and its text, anything else as JSON. */
function Value({ value, isGone }: { value: unknown; isGone: boolean }) {
  const words = useWords();
  const message = messageOf(value);
  const short = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  const Tag = isGone ? "del" : "span";
  if (message) {
    return (
      <Tag class="change-value" dir="auto">
        <span class="change-role">{message.role}</span> {message.text.slice(0, SHORT * 2)}
        {message.calls.map((name) => (
          <code key={name} class="event-kind">
            {name}
          </code>
        ))}
      </Tag>
    );
  }
  if (short.length > SHORT) return <CodeBox label={words.eventData} text={pretty(value)} />;
  return (
    <Tag class="change-value" dir="auto">
      <code>{short}</code>
    </Tag>
  );
}

function messageOf(value: unknown): { role: string; text: string; calls: readonly string[] } | null {
  if (typeof value !== "object" || value === null) return null;
  const { type, content, tool_calls: calls } = value as Readonly<Record<string, unknown>>;
  if (typeof type !== "string" || content === undefined) return null;
  const names = Array.isArray(calls) ? calls.map((each) => String((each as { name?: unknown }).name)) : [];
  return { role: type, text: textOf(content), calls: names };
}

/** Returns a path as programs write it: `messages[3].content`. */
function pathText(path: Path): string {
  return path.map((each, at) => (typeof each === "number" ? `[${each}]` : at ? `.${each}` : each)).join("");
}
