import { useId } from "preact/hooks";
import { CloseIcon, PlusIcon } from "../look/icons";
import { isObject, pretty } from "../state";
import { useWords } from "../words";
import { Notes, useFocus } from "./FieldNotes";
import { JsonControl } from "./JsonControl";
import { emptyOf, problemAt, type Field, type Problem } from "./schema";

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
  const id = useId();
  const { field, path, isRequired } = props;
  const message = problemAt(path, props.problem);
  const place = useFocus(message === null ? null : props.problem);
  const isGroup = field.kind === "object" || field.kind === "list";
  const described = [field.help && `${id}-help`, message && `${id}-problem`].filter(Boolean).join(" ");
  const label = <Label name={field.label || path.split(".").at(-1)} isRequired={isRequired} />;
  const notes = <Notes id={id} help={field.help} message={message} />;
  if (isGroup) {
    return (
      <fieldset class="field-group" ref={place}>
        {(field.label || path) && <legend class="field-label">{label}</legend>}
        {notes}
        {field.kind === "object" ? <ObjectFields {...props} /> : <ListItems {...props} />}
      </fieldset>
    );
  }
  return (
    <div class="field-row" ref={place} data-kind={field.kind} data-wrong={message !== null}>
      <label class="field-label" for={id}>
        {label}
      </label>
      <Control {...props} id={id} described={described} isWrong={message !== null} />
      {notes}
    </div>
  );
}

function Label({ name, isRequired }: { name: string | undefined; isRequired: boolean }) {
  const words = useWords();
  return (
    <>
      <span dir="auto">{name}</span>
      {isRequired && <span class="field-mark">{words.required}</span>}
    </>
  );
}

/** The fields of an object. */
export function ObjectFields({ field, path, value, problem, onChange }: FieldProps) {
  const values = isObject(value) ? value : {};
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
