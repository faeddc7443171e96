import { useId, useState } from "preact/hooks";
import { CloseIcon, PlusIcon } from "../look/icons";
import { isRecord, parsed, pretty } from "../chat/model/json";
import { useWords } from "../words";
import { emptyOf, problemAt, type Field } from "./schema";

export interface Problem {
  readonly field: string;
  readonly message: string;
}

export interface FieldProps {
  readonly field: Field;
  /** Where it is in the value, as the server names fields: `topic`, `people.0.name`. */
  readonly path: string;
  readonly isRequired: boolean;
  /** undefined: left out. */
  readonly value: unknown;
  readonly problem: Problem | null;
  readonly onChange: (value: unknown) => void;
}

/** One field of a form, with its label, its help and what the server says of it. */
export function FieldView(props: FieldProps) {
  const words = useWords();
  const id = useId();
  const { field, path, isRequired } = props;
  const message = problemAt(path, props.problem);
  const isGroup = field.kind === "object" || field.kind === "list";
  const described = [field.help && `${id}-help`, message && `${id}-problem`].filter(Boolean).join(" ");
  const label = (
    <>
      <span dir="auto">{field.label || path.split(".").at(-1)}</span>
      {isRequired && <span class="field-mark">{words.required}</span>}
    </>
  );
  const notes = <Notes id={id} help={field.help} message={message} />;
  if (isGroup) {
    return (
      <fieldset class="field-group">
        {(field.label || path) && <legend class="field-label">{label}</legend>}
        {notes}
        {field.kind === "object" ? <ObjectFields {...props} /> : <ListItems {...props} />}
      </fieldset>
    );
  }
  return (
    <div class="field-row" data-kind={field.kind} data-wrong={message !== null}>
      <label class="field-label" for={id}>
        {label}
      </label>
      <Control {...props} id={id} described={described} isWrong={message !== null} />
      {notes}
    </div>
  );
}

function Notes({ id, help, message }: { id: string; help: string; message: string | null }) {
  return (
    <>
      {help && (
        <p class="note field-help" id={`${id}-help`} dir="auto">
          {help}
        </p>
      )}
      {message && (
        <p class="field-problem" id={`${id}-problem`} role="alert">
          {message}
        </p>
      )}
    </>
  );
}

/** The fields of an object. */
export function ObjectFields({ field, path, value, problem, onChange }: FieldProps) {
  const values = isRecord(value) ? value : {};
  const change = (name: string, next: unknown) => {
    const others = Object.entries(values).filter(([each]) => each !== name);
    onChange(Object.fromEntries(next === undefined ? others : [...others, [name, next]]));
  };
  return (
    <>
      {Object.entries(field.fields).map(([name, each]) => (
        <FieldView
          key={name}
          field={each}
          path={path ? `${path}.${name}` : name}
          isRequired={field.required.has(name)}
          value={values[name]}
          problem={problem}
          onChange={(next) => change(name, next)}
        />
      ))}
    </>
  );
}

function ListItems({ field, path, value, problem, onChange }: FieldProps) {
  const words = useWords();
  const { item } = field;
  const items = Array.isArray(value) ? (value as readonly unknown[]) : [];
  if (item === null) return null;
  return (
    <>
      {items.map((each, at) => (
        <div key={at} class="field-item">
          <FieldView
            field={item.label ? item : { ...item, label: String(at + 1) }}
            path={`${path}.${at}`}
            isRequired={false}
            value={each}
            problem={problem}
            onChange={(next) => onChange(items.map((old, index) => (index === at ? next : old)))}
          />
          <button
            type="button"
            class="button is-quiet is-icon"
            aria-label={words.removeItem(at + 1)}
            onClick={() => onChange(items.filter((_, index) => index !== at))}
          >
            <CloseIcon />
          </button>
        </div>
      ))}
      <button
        type="button"
        class="button is-quiet field-add"
        onClick={() => onChange([...items, emptyOf(item)])}
      >
        <PlusIcon />
        {words.addItem}
      </button>
    </>
  );
}

type ControlProps = FieldProps & {
  readonly id: string;
  readonly described: string;
  readonly isWrong: boolean;
};

function Control(props: ControlProps) {
  const { field, value, onChange, id, described, isWrong } = props;
  const shared = { id, "aria-describedby": described || undefined, "aria-invalid": isWrong };
  switch (field.kind) {
    case "boolean":
      return (
        <input
          {...shared}
          type="checkbox"
          class="field-check"
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case "integer":
    case "number":
      return (
        <input
          {...shared}
          type="number"
          class="field"
          step={field.kind === "integer" ? 1 : "any"}
          value={typeof value === "number" ? value : ""}
          onInput={(event) => {
            const { value: text } = event.currentTarget;
            onChange(text === "" ? blank(field) : Number(text));
          }}
        />
      );
    case "choice":
      return <Choice {...props} />;
    case "text":
      return <TextControl {...props} />;
    default:
      return <JsonControl {...props} />;
  }
}

/** What an emptied field is: null where that is a value, else left out. */
const blank = (field: Field): unknown => (field.isNullable ? null : undefined);

function Choice({ field, value, onChange, id, described, isWrong, isRequired }: ControlProps) {
  const at = field.choices.indexOf(value);
  return (
    <select
      id={id}
      class="field"
      aria-describedby={described || undefined}
      aria-invalid={isWrong}
      value={String(at)}
      onChange={(event) => {
        const chosen = Number(event.currentTarget.value);
        onChange(chosen < 0 ? blank(field) : field.choices[chosen]);
      }}
    >
      {(at < 0 || !isRequired) && <option value="-1">–</option>}
      {field.choices.map((each, index) => (
        <option key={index} value={String(index)}>
          {pretty(each)}
        </option>
      ))}
    </select>
  );
}

function TextControl({ field, value, onChange, id, described, isWrong, isRequired }: ControlProps) {
  const shared = {
    id,
    class: "field",
    dir: "auto" as const,
    "aria-describedby": described || undefined,
    "aria-invalid": isWrong,
    value: typeof value === "string" ? value : "",
  };
  const change = (text: string) => onChange(text === "" && !isRequired ? blank(field) : text);
  return field.isLong ? (
    <textarea {...shared} rows={1} onInput={(event) => change(event.currentTarget.value)} />
  ) : (
    <input {...shared} type="text" onInput={(event) => change(event.currentTarget.value)} />
  );
}

/** Any JSON; what isn't JSON yet isn't passed on. */
export function JsonControl({
  value,
  onChange,
  id,
  described,
}: {
  value: unknown;
  onChange: (value: unknown) => void;
  id: string;
  described: string;
}) {
  const words = useWords();
  const [text, setText] = useState(() => (value === undefined ? "" : (JSON.stringify(value, null, 2) ?? "")));
  const isBroken = text.trim() !== "" && parsed(text) === undefined;
  return (
    <>
      <textarea
        id={id}
        class="field is-code"
        rows={3}
        spellcheck={false}
        dir="ltr"
        aria-invalid={isBroken}
        aria-describedby={described || undefined}
        value={text}
        onInput={(event) => {
          const next = event.currentTarget.value;
          setText(next);
          if (next.trim() === "") onChange(undefined);
          else if (parsed(next) !== undefined) onChange(parsed(next));
        }}
      />
      {isBroken && <p class="field-problem">{words.notJson}</p>}
    </>
  );
}
