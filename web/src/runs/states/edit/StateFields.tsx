import { FieldView } from "../../../forms/FieldView";
import { fieldOf, hasPlace, type Field, type Problem } from "../../../forms/schema";
import type { JsonObject } from "../../../state";
import { useWords } from "../../../words";
import { isMessages } from "../../model/edit";
import { ROOT } from "../../model/states";
import { MessageFields } from "./MessageFields";

interface Props {
  /** Of the graph's input: it names the types of the state's keys, as far as it has them. */
  readonly schema: unknown;
  /** As they were: what is a list of messages stays one. */
  readonly before: Readonly<Record<string, unknown>>;
  readonly values: Readonly<Record<string, unknown>>;
  readonly omitted: Readonly<Record<string, number>>;
  readonly problem: Problem | null;
  readonly onChange: (values: Readonly<Record<string, unknown>>) => void;
}

/** A state's keys: messages one by one, others as their schema has them, or as JSON. */
export function StateFields({ schema, before, values, omitted, problem, onChange }: Props) {
  const words = useWords();
  const known = fieldOf(schema);
  return (
    <>
      {Object.entries(values).map(([key, value]) => {
        const change = (next: unknown) => onChange({ ...values, [key]: next });
        const hidden = omitted[key] ?? 0;
        const own = problem !== null && `${problem.field}.`.startsWith(`${key}.`) ? problem : null;
        const label = key === ROOT ? words.atRoot : key;
        if (isMessages(before[key])) {
          const messages = value as readonly JsonObject[];
          return (
            <MessageFields
              key={key}
              name={key}
              label={label}
              hidden={hidden}
              problem={own}
              value={messages}
              onChange={change}
            />
          );
        }
        if (hidden > 0) return <Hidden key={key} label={label} count={hidden} />;
        const field = named(known.fields[key], label);
        return (
          <FieldView
            key={key}
            field={field}
            path={key}
            isRequired={false}
            value={value}
            problem={own && { ...own, field: placed(field, key, own.field) }}
            onChange={change}
          />
        );
      })}
    </>
  );
}

/** Of a list of which only the end is shown: whatever is written would be all of it. */
function Hidden({ label, count }: { label: string; count: number }) {
  const words = useWords();
  return (
    <div class="field-row">
      <span class="field-label">{label}</span>
      <p class="note">{words.tooLongToEdit(count)}</p>
    </div>
  );
}

const named = (field: Field | undefined, label: string): Field => ({
  ...(field ?? fieldOf({})),
  label,
});

/** Returns where what is said of a field is shown: there, or at its key. */
function placed(field: Field, key: string, path: string): string {
  const inner = path.slice(key.length + 1);
  return inner && hasPlace(field, inner) ? path : key;
}
