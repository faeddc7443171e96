import { useId, useState } from "preact/hooks";
import { useWords } from "../words";
import { FieldView, ObjectFields } from "./FieldView";
import { JsonControl } from "./JsonControl";
import { fieldOf, hasPlace, type Field, type Problem } from "./schema";

interface Props {
  readonly schema: unknown;
  readonly value: unknown;
  readonly problem: Problem | null;
  readonly onChange: (value: unknown) => void;
}

/** A form of a JSON schema; with JSON as the way out where the form can't say what is meant. */
export function Form({ schema, value, problem, onChange }: Props) {
  const words = useWords();
  const id = useId();
  const field = fieldOf(schema);
  const [isJson, setJson] = useState(field.kind === "json");
  const isElsewhere = problem !== null && !hasPlace(field, problem.field);
  return (
    <div class="schema-form">
      {isJson ? (
        <div class="field-row">
          <label class="field-label" for={id}>
            {words.json}
          </label>
          <JsonControl id={id} described="" value={value} onChange={onChange} />
        </div>
      ) : (
        <Fields field={field} value={value} problem={problem} onChange={onChange} />
      )}
      {(isJson || isElsewhere) && problem && (
        <p class="field-problem" role="alert">
          {problem.field && <code>{problem.field}</code>} {problem.message}
        </p>
      )}
      {field.kind !== "json" && (
        <button
          type="button"
          class="button is-quiet is-small"
          aria-pressed={isJson}
          onClick={() => setJson(!isJson)}
        >
          {isJson ? words.asForm : words.asJson}
        </button>
      )}
    </div>
  );
}

function Fields({ field, value, problem, onChange }: Omit<Props, "schema"> & { field: Field }) {
  const shared = { field, path: "", isRequired: false, value, problem, onChange };
  return field.kind === "object" ? <ObjectFields {...shared} /> : <FieldView {...shared} />;
}
