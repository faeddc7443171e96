/** What is served here: the graphs, those that can't be loaded, and the models. */
import type { Client } from "@seltzer/client";

export interface GraphInfo {
  readonly name: string;
  /** Where its routes begin, below the server's address: `/agent`. */
  readonly path: string;
  readonly takes_messages: boolean;
  readonly description: string;
}

export interface BrokenGraph {
  readonly name: string;
  readonly why: string;
}

export interface Info {
  readonly version: string;
  readonly graphs: readonly GraphInfo[];
  readonly broken: readonly BrokenGraph[];
  /** One line for each model that is in use, as far as that is known. */
  readonly models: readonly string[];
  /** Where the API's documentation is, relative to the page; null: nowhere. */
  readonly docs: string | null;
  /** How large files in messages may be: each, and those of a message as they are sent; a server of before has none. */
  readonly attachments?: AttachmentLimits;
}

export interface AttachmentLimits {
  readonly limit_bytes: number;
  readonly together_bytes: number;
}

/** What a server accepts that wasn't given other limits. */
export const DEFAULT_LIMITS: AttachmentLimits = { limit_bytes: 5 * 2 ** 20, together_bytes: 8 * 2 ** 20 };

/** Asks what is served here. Throws SeltzerError. */
export function getInfo(client: Client): Promise<Info> {
  return client.request<Info>("GET", "/info");
}

/** Whether the scripted demo model answers: /info names it so. */
export function hasDemoModel(info: Info): boolean {
  return info.models.some((line) => /: demo\b/.test(line));
}
