/** What a graph asks, in the shapes people write: what to show of it, and how an answer is sent. */
import { isObject, listOf, pretty, textField, type JsonObject } from "../state";

export type Decision =
  | { readonly type: "approve" }
  | { readonly type: "edit"; readonly args: unknown }
  | { readonly type: "reject"; readonly message: string }
  | { readonly type: "respond"; readonly message: string };

/** A tool's call that is to be reviewed. */
export interface Review {
  readonly name: string;
  readonly args: JsonObject;
  readonly description: string;
  readonly allowed: readonly Decision["type"][];
  readonly schema: unknown;
}

export type Ask =
  | {
      readonly kind: "review";
      readonly title: string;
      readonly reviews: readonly Review[];
      /** Returns the answer of the decisions, one for each review. */
      readonly answer: (decisions: readonly Decision[]) => unknown;
    }
  | {
      readonly kind: "question";
      readonly title: string;
      /** Answers to choose from; none: words of one's own. */
      readonly options: readonly unknown[];
      readonly schema: unknown;
      /** What else the graph has sent with its question. */
      readonly detail: unknown;
    };

/** Reads an interrupt's value. */
export function askOf(value: unknown): Ask {
  return langChainReview(value) ?? inboxReview(value) ?? ownReview(value) ?? questionOf(value);
}

/** LangChain's HumanInTheLoopMiddleware. */
function langChainReview(value: unknown): Ask | null {
  const requests = isObject(value) ? listOf(value["action_requests"]).filter(isObject) : [];
  if (!isObject(value) || requests.length === 0) return null;
  const configs = listOf(value["review_configs"]).filter(isObject);
  const reviews = requests.map((request) => {
    const name = textField(request, "name") || textField(request, "action");
    const config = configs.find((each) => textField(each, "action_name") === name);
    const allowed = listOf(config?.["allowed_decisions"]).filter(isDecision);
    return {
      name,
      args: argsOf(request["args"] ?? request["arguments"]),
      description: textField(request, "description"),
      allowed: allowed.length > 0 ? allowed : (["approve", "edit", "reject"] as const),
      schema: config?.["args_schema"],
    };
  });
  const answer = (decisions: readonly Decision[]) => ({
    decisions: decisions.map((decision, at) =>
      decision.type === "edit"
        ? { type: "edit", edited_action: { name: reviews[at]?.name, args: decision.args } }
        : decision,
    ),
  });
  return { kind: "review", title: "", reviews, answer };
}

/** LangGraph's agent inbox: one request, or a list of them. */
function inboxReview(value: unknown): Ask | null {
  const requests = (Array.isArray(value) ? value : [value]).filter(isObject);
  if (requests.length === 0 || !requests.every((each) => isObject(each["action_request"]))) return null;
  const reviews = requests.map((request) => {
    const action = request["action_request"] as JsonObject;
    const config = isObject(request["config"]) ? request["config"] : {};
    const can = (name: string): boolean => config[name] === true;
    const allowed: Decision["type"][] = [];
    if (can("allow_accept")) allowed.push("approve");
    if (can("allow_edit")) allowed.push("edit");
    if (can("allow_respond")) allowed.push("respond");
    if (can("allow_ignore")) allowed.push("reject");
    return {
      name: textField(action, "action"),
      args: argsOf(action["args"]),
      description: textField(request, "description"),
      allowed,
      schema: undefined,
    };
  });
  const answer = (decisions: readonly Decision[]) => {
    const answers = decisions.map((decision, at) => inboxAnswer(decision, reviews[at]?.name ?? ""));
    return Array.isArray(value) ? answers : answers[0];
  };
  return { kind: "review", title: "", reviews, answer };
}

function inboxAnswer(decision: Decision, action: string): JsonObject {
  switch (decision.type) {
    case "approve":
      return { type: "accept", args: null };
    case "edit":
      return { type: "edit", args: { action, args: decision.args } };
    case "respond":
      return { type: "response", args: decision.message };
    case "reject":
      return { type: "ignore", args: null };
  }
}

/** A question about one call, `{question, tool, args}`: approved by `{approved, args?}`, rejected by words. */
function ownReview(value: unknown): Ask | null {
  const name = textField(value, "tool") || textField(value, "tool_name");
  if (!isObject(value) || !name || !isObject(value["args"])) return null;
  const allowed = ["approve", "edit", "reject"] as const;
  const review = { name, args: value["args"], description: "", allowed, schema: undefined };
  const answer = ([decision]: readonly Decision[]) => {
    if (decision?.type === "approve") return true;
    if (decision?.type === "edit") return { approved: true, args: decision.args };
    return decision?.message || false;
  };
  return { kind: "review", title: titleOf(value), reviews: [review], answer };
}

function questionOf(value: unknown): Ask {
  if (!isObject(value)) {
    const isText = typeof value === "string";
    return {
      kind: "question",
      title: isText ? value : "",
      options: [],
      schema: undefined,
      detail: isText ? undefined : value,
    };
  }
  const options = listOf(value["options"] ?? value["choices"]);
  const schema = value["response_schema"] ?? value["requestedSchema"] ?? value["schema"];
  const used = new Set([...TITLES, "options", "choices", "response_schema", "requestedSchema", "schema"]);
  const rest = Object.fromEntries(Object.entries(value).filter(([name]) => !used.has(name)));
  const detail = Object.keys(rest).length > 0 ? rest : undefined;
  return { kind: "question", title: titleOf(value), options, schema, detail };
}

const TITLES = ["question", "message", "prompt", "query", "text"];

function titleOf(value: JsonObject): string {
  return TITLES.map((name) => textField(value, name)).find(Boolean) ?? "";
}

/** Returns the label of an answer to choose: its own, if it has one. */
export function optionLabel(option: unknown): string {
  return textField(option, "label") || textField(option, "title") || pretty(option);
}

/** Returns what an answer to choose means: its value, if it has one. */
export function optionValue(option: unknown): unknown {
  return isObject(option) && "value" in option ? option["value"] : option;
}

function argsOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function isDecision(value: unknown): value is Decision["type"] {
  return value === "approve" || value === "edit" || value === "reject" || value === "respond";
}

/** Returns a schema for a call's arguments, guessed from their values: it makes a form of them. */
export function schemaOfArgs(args: JsonObject): unknown {
  const properties = Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, { title: name, ...schemaOfValue(value) }]),
  );
  return { type: "object", properties };
}

function schemaOfValue(value: unknown): JsonObject {
  if (typeof value === "string") return { type: "string" };
  if (typeof value === "number") return { type: "number" };
  if (typeof value === "boolean") return { type: "boolean" };
  if (isObject(value) && Object.keys(value).length > 0) {
    return schemaOfArgs(value) as JsonObject;
  }
  return {};
}
