import { FieldView } from "../../../forms/FieldView";
import { fieldOf, type Field, type Problem } from "../../../forms/schema";
import { CloseIcon, PlusIcon } from "../../../look/icons";
import { textField, type JsonObject } from "../../../state";
import { useWords } from "../../../words";

interface Props {
  /** The state's key, as the server names it in what it says of a message. */
  readonly name: string;
  readonly label: string;
  readonly value: readonly JsonObject[];
  /** How many earlier messages aren't shown; they stay. */
  readonly hidden: number;
  readonly problem: Problem | null;
  readonly onChange: (messages: readonly JsonObject[]) => void;
}

/** The messages of a state: changed, removed, or added at the end. */
export function MessageFields({ name, label, value, hidden, problem, onChange }: Props) {
  const words = useWords();
  const at = problem ? placeIn(name, value, problem.field) : null;
  const change = (index: number, next: JsonObject | null) =>
    onChange(value.flatMap((each, place) => (place !== index ? [each] : next ? [next] : [])));
  return (
    <fieldset class="field-group">
      <legend class="field-label">{label}</legend>
      {hidden > 0 && <p class="note">{words.earlierStay(hidden)}</p>}
      {value.map((message, index) => (
        <div key={textField(message, "id") || index} class="field-item">
          <MessageField
            message={message}
            place={hidden + index + 1}
            path={`${name}.${index}`}
            problem={problem && at ? { ...problem, field: at } : null}
            onChange={(next) => change(index, next)}
          />
          <button
            type="button"
            class="button is-quiet is-icon"
            aria-label={words.removeItem(hidden + index + 1)}
            onClick={() => change(index, null)}
          >
            <CloseIcon />
          </button>
        </div>
      ))}
      {problem && at === null && (
        <p class="field-problem" role="alert">
          {problem.message}
        </p>
      )}
      <div class="form-actions is-start">
        {ADDED.map((type) => (
          <button
            key={type}
            type="button"
            class="button is-quiet is-small"
            onClick={() => onChange([...value, { type, content: "" }])}
          >
            <PlusIcon />
            {`${words.addItem} · ${type}`}
          </button>
        ))}
      </div>
    </fieldset>
  );
}

const ADDED = ["human", "ai"];
const TEXT: Field = { ...fieldOf({ type: "string" }), label: "" };
const JSON_FIELD: Field = fieldOf({});

interface MessageProps {
  readonly message: JsonObject;
  readonly place: number;
  readonly path: string;
  readonly problem: Problem | null;
  readonly onChange: (message: JsonObject) => void;
}

/** A message: its text, or its parts as JSON, and the calls in it. */
function MessageField({ message, place, path, problem, onChange }: MessageProps) {
  const { content, tool_calls: calls } = message;
  const shape = typeof content === "string" ? TEXT : JSON_FIELD;
  const name = `${place} · ${textField(message, "type")}`;
  const shared = { isRequired: false, problem };
  return (
    <div class="state-message">
      <FieldView
        {...shared}
        field={{ ...shape, label: name }}
        path={`${path}.content`}
        value={content}
        onChange={(next) => onChange({ ...message, content: next ?? "" })}
      />
      {Array.isArray(calls) && calls.length > 0 && (
        <FieldView
          {...shared}
          field={{ ...JSON_FIELD, label: `${name} · tool_calls` }}
          path={`${path}.tool_calls`}
          value={calls}
          onChange={(next) => onChange({ ...message, tool_calls: next ?? [] })}
        />
      )}
    </div>
  );
}

/** Returns the field of a message in which what is said of it is shown; null: of none. */
function placeIn(name: string, messages: readonly JsonObject[], field: string): string | null {
  const [key, index, part] = field.split(".");
  if (key !== name || index === undefined || messages[Number(index)] === undefined) return null;
  return `${name}.${index}.${part === "tool_calls" ? part : "content"}`;
}
