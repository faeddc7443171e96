import { expect, test } from "vitest";
import { askOf, type Decision } from "../src/forms/asks";
import { fieldOf, initialOf, problemIn, type Field } from "../src/forms/schema";

test.each([
  [{ type: "string" }, "text"],
  [{ type: "integer" }, "integer"],
  [{ type: "number" }, "number"],
  [{ type: "boolean" }, "boolean"],
  [{ enum: ["a", "b"] }, "choice"],
  [{ const: "a" }, "choice"],
  [{ type: "array", items: { type: "string" } }, "list"],
  [{ type: "object", properties: { a: { type: "string" } } }, "object"],
  [{ type: "object", additionalProperties: true }, "json"],
  [{ anyOf: [{ type: "string" }, { type: "integer" }] }, "json"],
  [{}, "json"],
  [true, "json"],
  [null, "json"],
])("%j is a field of kind %s", (schema, kind) => {
  expect(fieldOf(schema).kind).toBe(kind);
});

test.each([
  [{ anyOf: [{ type: "integer" }, { type: "null" }] }, "integer"],
  [{ type: ["string", "null"] }, "text"],
  [{ anyOf: [{ $ref: "#/$defs/P" }, { type: "null" }], $defs: { P: { type: "boolean" } } }, "boolean"],
])("%j may be null", (schema, kind) => {
  expect(fieldOf(schema)).toMatchObject({ kind, isNullable: true });
});

test("a reference is followed, and one to itself ends as JSON", () => {
  const schema = {
    $ref: "#/$defs/Node",
    $defs: {
      Node: { type: "object", properties: { name: { type: "string" }, next: { $ref: "#/$defs/Node" } } },
    },
  };
  let field: Field | undefined = fieldOf(schema);
  let depth = 0;
  while (field?.kind === "object") {
    field = field.fields["next"];
    depth++;
  }

  expect(depth).toBeGreaterThan(1);
  expect(field?.kind).toBe("json");
});

test("a form begins with its defaults", () => {
  const schema = {
    type: "object",
    properties: { a: { type: "integer", default: 3 }, b: { type: "string" } },
  };

  expect(initialOf(fieldOf(schema))).toEqual({ a: 3 });
});

test("a default of null is left out", () => {
  const schema = { type: "object", properties: { a: { type: "string", default: null } } };

  expect(initialOf(fieldOf(schema))).toEqual({});
});

test.each([
  ["input.topic", "input", "topic"],
  ["input", "input", ""],
  ["inputs.topic", "input", null],
  ["context.reader.name", "context", "reader.name"],
  ["config.configurable.user_id", "config.configurable", "user_id"],
  ["", "input", null],
])("what is wrong with %j is, in %s, at %j", (field, part, place) => {
  const found = problemIn({ field, message: "no" }, part);

  expect(found).toEqual(place === null ? null : { field: place, message: "no" });
});

const request = { name: "mail", args: { to: "x" }, description: "d" };
const edit: Decision = { type: "edit", args: { to: "y" } };
const reject: Decision = { type: "reject", message: "no" };

test.each([
  [
    {
      action_requests: [request, request],
      review_configs: [{ action_name: "mail", allowed_decisions: ["edit"] }],
    },
    [edit, reject],
    { decisions: [{ type: "edit", edited_action: { name: "mail", args: { to: "y" } } }, reject] },
  ],
  [
    [{ action_request: { action: "mail", args: { to: "x" } }, config: { allow_accept: true } }],
    [{ type: "approve" }],
    [{ type: "accept", args: null }],
  ],
  [
    { action_request: { action: "mail", args: {} }, config: { allow_respond: true } },
    [{ type: "respond", message: "later" }],
    { type: "response", args: "later" },
  ],
  [{ question: "May I?", tool: "mail", args: { to: "x" } }, [{ type: "approve" }], true],
  [{ question: "May I?", tool: "mail", args: { to: "x" } }, [edit], { approved: true, args: { to: "y" } }],
  [{ question: "May I?", tool: "mail", args: { to: "x" } }, [reject], "no"],
] as [unknown, Decision[], unknown][])("%j is reviewed", (value, decisions, answer) => {
  const ask = askOf(value);

  expect(ask.kind).toBe("review");
  expect(ask.kind === "review" && ask.answer(decisions)).toEqual(answer);
});

test.each([
  ["Which one?", { title: "Which one?", options: [], detail: undefined }],
  [
    { question: "Which?", options: ["a", "b"] },
    { title: "Which?", options: ["a", "b"] },
  ],
  [
    { message: "Sure?", draft: 1 },
    { title: "Sure?", detail: { draft: 1 } },
  ],
  [{ action_requests: [] }, { title: "", detail: { action_requests: [] } }],
  [42, { title: "", detail: 42 }],
  [null, { title: "", detail: null }],
])("%j is a question", (value, found) => {
  expect(askOf(value)).toMatchObject({ kind: "question", ...found });
});
