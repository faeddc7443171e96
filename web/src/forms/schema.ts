/** A JSON schema -> what a form needs to know of it. Whatever it can't show is a field of JSON. */
import { isObject, listOf, textField, type JsonObject } from "../state";

export type FieldKind = "text" | "integer" | "number" | "boolean" | "choice" | "list" | "object" | "json";

/** One field of a form. */
export interface Field {
  readonly kind: FieldKind;
  readonly label: string;
  readonly help: string;
  /** Whether null is a value of its own. */
  readonly isNullable: boolean;
  readonly default: unknown;
  readonly choices: readonly unknown[];
  /** Of an object: its fields by their names. */
  readonly fields: Readonly<Record<string, Field>>;
  readonly required: ReadonlySet<string>;
  /** Of a list: what its items are. */
  readonly item: Field | null;
  /** A text of several lines, as its schema's `format` or length says. */
  readonly isLong: boolean;
}

const DEEPEST = 6; // objects within objects; deeper ones, and those within themselves, are JSON

/** Returns the form's description of a schema. */
export function fieldOf(schema: unknown, root: unknown = schema, name = "", depth = 0): Field {
  const outer = isObject(schema) ? schema : {};
  const [inner, isNullable] = withoutNull(resolved(outer, root), root);
  const described = { ...inner, ...shallow(outer) };
  const base: Field = {
    kind: "json",
    label: textField(described, "title") || name,
    help: textField(described, "description"),
    isNullable,
    default: described["default"],
    choices: [],
    fields: {},
    required: new Set(),
    item: null,
    isLong: false,
  };
  return { ...base, ...shapeOf(inner, root, depth) };
}

function shapeOf(schema: JsonObject, root: unknown, depth: number): Partial<Field> {
  const choices = choicesOf(schema);
  if (choices.length > 0) return { kind: "choice", choices };
  switch (schema["type"]) {
    case "string":
      return { kind: "text", isLong: isLong(schema) };
    case "integer":
    case "number":
    case "boolean":
      return { kind: schema["type"] };
    case "array":
      return depth < DEEPEST && isObject(schema["items"])
        ? { kind: "list", item: fieldOf(schema["items"], root, "", depth + 1) }
        : {};
    default:
      return objectOf(schema, root, depth);
  }
}

function objectOf(schema: JsonObject, root: unknown, depth: number): Partial<Field> {
  const properties = schema["properties"];
  if (!isObject(properties) || depth >= DEEPEST || Object.keys(properties).length === 0) return {};
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, each]) => [name, fieldOf(each, root, name, depth + 1)]),
  );
  return { kind: "object", fields, required: new Set(listOf(schema["required"]).map(String)) };
}

/** Follows `$ref`, also those in an `allOf` of one. */
function resolved(schema: JsonObject, root: unknown, hops = 0): JsonObject {
  const [only, second] = listOf(schema["allOf"]);
  if (isObject(only) && second === undefined) return resolved(only, root, hops + 1);
  const reference = textField(schema, "$ref");
  if (!reference.startsWith("#/") || hops > 20) return schema;
  let found: unknown = root;
  for (const part of reference.slice(2).split("/")) {
    const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    found = isObject(found) ? found[key] : undefined;
  }
  return isObject(found) ? resolved(found, root, hops + 1) : {};
}

/** Returns a schema without its null, and whether it had one. */
function withoutNull(schema: JsonObject, root: unknown): [JsonObject, boolean] {
  const types = listOf(schema["type"]);
  if (types.length > 0) {
    const others = types.filter((each) => each !== "null");
    const type = others.length === 1 ? others[0] : undefined;
    return [{ ...schema, type }, others.length < types.length];
  }
  const options = [...listOf(schema["anyOf"]), ...listOf(schema["oneOf"])].filter(isObject);
  if (options.length === 0) return [schema, false];
  const others = options.filter((each) => each["type"] !== "null");
  const isNullable = others.length < options.length;
  const [only] = others;
  return [others.length === 1 && only ? resolved(only, root) : {}, isNullable];
}

function choicesOf(schema: JsonObject): readonly unknown[] {
  return "const" in schema ? [schema["const"]] : listOf(schema["enum"]);
}

function isLong(schema: JsonObject): boolean {
  const longest = schema["maxLength"];
  const isShort = typeof longest === "number" && longest <= 120;
  return !isShort && !textField(schema, "format");
}

/** What stands beside a `$ref` or `anyOf` says more than what is behind it. */
function shallow(schema: JsonObject): JsonObject {
  const names = ["title", "description", "default"].filter((name) => name in schema);
  return Object.fromEntries(names.map((name) => [name, schema[name]]));
}

/** Returns the value a form begins with; undefined is left out. */
export function initialOf(field: Field): unknown {
  if (field.default === null) return undefined; // nothing is what it is when it is left out
  if (field.default !== undefined) return field.default;
  if (field.kind !== "object") return undefined;
  const values = Object.entries(field.fields)
    .map(([name, each]) => [name, initialOf(each)] as const)
    .filter(([, value]) => value !== undefined);
  return Object.fromEntries(values);
}

/** Returns an empty item for a list. */
export function emptyOf(field: Field): unknown {
  switch (field.kind) {
    case "text":
      return "";
    case "boolean":
      return false;
    case "list":
      return [];
    case "object":
      return initialOf(field);
    case "choice":
      return field.choices[0];
    default:
      return null;
  }
}

/** What the server says of a field. */
export interface Problem {
  /** As the form names it; empty: the whole. */
  readonly field: string;
  readonly message: string;
}

/** Returns what the server says of a part of a request, named as that part's form names it; null: nothing. */
export function problemIn(trouble: Problem | null, part: string): Problem | null {
  if (trouble === null || !`${trouble.field}.`.startsWith(`${part}.`)) return null;
  return { field: trouble.field.slice(part.length + 1), message: trouble.message };
}

/** Returns what the server says of a field, of the problem it names: `topic` and what is below it. */
export function problemAt(path: string, problem: Problem | null): string | null {
  if (problem === null) return null;
  return problem.field === path ? problem.message : null;
}

/** Whether a form has a place for what is said of a field. */
export function hasPlace(field: Field, path: string): boolean {
  if (path === "") return field.kind !== "object";
  const [name, ...rest] = path.split(".");
  const inner = field.kind === "list" ? field.item : name === undefined ? undefined : field.fields[name];
  if (!inner) return false;
  return rest.length === 0 || hasPlace(inner, rest.join("."));
}
