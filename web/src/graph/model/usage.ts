/** What nodes have cost: tokens, and money where a provider has counted it. */
import type { Json } from "@seltzer/client";
import type { StepItem } from "../../state";

export interface Cost {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
  /** In the provider's currency, null if it doesn't say. */
  readonly money: number | null;
}

type JsonObject = Readonly<Record<string, Json>>;

/** A message that a node has written, with what it cost. */
export interface Written {
  readonly id: string;
  readonly cost: Cost | null;
}

const written = new WeakMap<StepItem, readonly Written[]>();

/** Returns the messages of this turn that a node has written: what was there before the question isn't its own. */
export function writtenIn(step: StepItem): readonly Written[] {
  const known = written.get(step);
  if (known) return known;
  const messages = listIn(step.values).filter(isObject);
  const own = messages.slice(messages.findLastIndex((each) => each["type"] === "human") + 1);
  const made = own.map((each) => ({ id: String(each["id"] ?? ""), cost: costOf(each) }));
  written.set(step, made);
  return made;
}

export function sumOf(one: Cost | null, other: Cost | null): Cost | null {
  if (!one || !other) return one ?? other;
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    totalTokens: one.totalTokens + other.totalTokens,
    money: one.money === null ? other.money : one.money + (other.money ?? 0),
  };
}

/** Returns what a usage says, as LangChain writes it; null if it is none. */
export function costIn(usage: Json, provider: Json = null): Cost | null {
  if (!isObject(usage)) return null;
  const [inputTokens, outputTokens] = [count(usage["input_tokens"]), count(usage["output_tokens"])];
  const totalTokens = count(usage["total_tokens"]) || inputTokens + outputTokens;
  const found = [usage, provider].filter(isObject).flatMap((each) => [each["cost"], each["total_cost"]]);
  const money = found.find((each): each is number => typeof each === "number" && Number.isFinite(each));
  return { inputTokens, outputTokens, totalTokens, money: money ?? null };
}

function costOf(message: JsonObject): Cost | null {
  const metadata = message["response_metadata"];
  return costIn(message["usage_metadata"], isObject(metadata) ? metadata["token_usage"] : null);
}

function listIn(values: Json): readonly Json[] {
  const found = isObject(values) ? values["messages"] : values;
  if (isObject(found)) return [found];
  return Array.isArray(found) ? found : [];
}

function count(value: Json): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
