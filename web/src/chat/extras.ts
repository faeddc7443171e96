/** The context and configurable values that a graph's runs are started with, for as long as the tab is open. */
import type { Extras } from "./shown";
import { isObject, jsonIn, type JsonObject } from "../state";

export interface ExtraValues {
  readonly context: JsonObject;
  readonly configurable: JsonObject;
}

const keyOf = (graph: string): string => `seltzer.extras ${graph}`;

/** Returns what was chosen for a graph. It may be secret: it isn't kept when the tab is closed. */
export function extraValues(graph: string): ExtraValues {
  const kept = jsonIn(sessionStorage.getItem(keyOf(graph)) ?? "");
  const field = (name: string): JsonObject => {
    const value = isObject(kept) ? kept[name] : null;
    return isObject(value) ? value : {};
  };
  return { context: field("context"), configurable: field("configurable") };
}

export function keepExtraValues(graph: string, values: ExtraValues): void {
  sessionStorage.setItem(keyOf(graph), JSON.stringify(values));
}

/** Returns them as a run has them: what is empty is left out. */
export function extrasOf(graph: string): Extras {
  const { context, configurable } = extraValues(graph);
  return {
    ...(Object.keys(context).length > 0 ? { context: { ...context } } : {}),
    ...(Object.keys(configurable).length > 0 ? { config: { configurable: { ...configurable } } } : {}),
  };
}
