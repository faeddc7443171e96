import { CodeIcon } from "../look/icons";
import { Fold } from "./Fold";
import { CodeBox } from "./CodeBox";
import { isObject, pretty } from "../state";
import { Prose } from "./Prose";

interface Props {
  readonly value: unknown;
  readonly label: string;
  /** Whether it is what the reader has asked for: then it is shown, its texts as prose. */
  readonly isProse?: boolean;
}

/** A value of any shape: folded, or as fields with their texts. */
export function Json({ value, label, isProse = false }: Props) {
  if (isProse && typeof value === "string") return <Prose text={value} isLive={false} />;
  if (isProse && isObject(value)) return <Fields value={value} label={label} />;
  if (isProse) return <CodeBox label={label} text={pretty(value)} />;
  return (
    <Fold icon={<CodeIcon />} title={label} note={preview(value)}>
      <CodeBox label={label} text={pretty(value)} />
    </Fold>
  );
}

function Fields({ value, label }: { value: Readonly<Record<string, unknown>>; label: string }) {
  return (
    <dl class="fields" aria-label={label}>
      {Object.entries(value).map(([name, field]) => (
        <div key={name} class="fields-row">
          <dt>{name}</dt>
          <dd dir="auto">
            {typeof field === "string" ? (
              <Prose text={field} isLive={false} />
            ) : isScalar(field) ? (
              String(field)
            ) : (
              <pre class="code-box-text">{pretty(field)}</pre>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

const isScalar = (value: unknown): boolean => typeof value !== "object" || value === null;

function preview(value: unknown): string {
  const line = (typeof value === "string" ? value : JSON.stringify(value) || "").replace(/\s+/g, " ");
  return line.length > 80 ? `${line.slice(0, 80)}…` : line;
}
