/** The messages of a thread that are loaded, by pages from the end, and the turns that are shown of them. */
import type { Thread } from "../../server/threads";
import type { Turn } from "./blocks";
import { merged } from "./edit";
import { isRecord, type JsonObject } from "./json";
import type { Live } from "./live";
import { EMPTY_TURN, messagesOf, turnsOf } from "./stored";

export interface Pages {
  readonly checkpointId: string | null;
  readonly messages: readonly JsonObject[];
  /** How many messages come before these. */
  readonly omitted: number;
  /** The values of a state without messages. */
  readonly values: unknown;
}

/** Returns a thread's last messages. */
export function firstPage(thread: Thread): Pages {
  return {
    checkpointId: thread.checkpoint_id,
    messages: messagesOf(thread.values),
    omitted: omittedOf(thread),
    values: thread.values,
  };
}

/** Returns the pages with an earlier one in front. */
export function laterPage(pages: Pages, thread: Thread): Pages {
  return {
    ...pages,
    messages: [...messagesOf(thread.values), ...pages.messages],
    omitted: omittedOf(thread),
  };
}

/** Returns the pages with what was loaded before, if this is the same thread some messages later. */
export function continued(pages: Pages, before: Pages | null): Pages {
  const first = pages.messages[0];
  if (before === null || first === undefined || pages.omitted <= before.omitted) return pages;
  const at = before.messages.findIndex((each) => each["id"] === first["id"]);
  if (at !== pages.omitted - before.omitted) return pages;
  return {
    ...pages,
    messages: [...before.messages.slice(0, at), ...pages.messages],
    omitted: before.omitted,
  };
}

/** Returns the turns: those of the messages, with what was seen of the runs that wrote them. */
export function overlaid(pages: Pages, lives: readonly Live[]): readonly Turn[] {
  const turns = pages.messages.length > 0 ? turnsOf(pages.messages) : valuesTurn(pages.values, lives);
  const seen = new Map(lives.map(({ turn }) => [turn.question?.id ?? "", turn]));
  return turns.map((turn) => {
    const own = seen.get(turn.question?.id ?? "");
    if (own === undefined) return turn;
    return { ...own, question: turn.question ?? own.question, blocks: merged(turn.blocks, own.blocks) };
  });
}

/** Returns the turn of a state without messages: its values are the result. */
function valuesTurn(values: unknown, lives: readonly Live[]): readonly Turn[] {
  const seen = lives.map(({ turn }) => turn);
  if (seen.length > 0) return seen;
  const isEmpty = values === null || (isRecord(values) && Object.keys(values).length === 0);
  return isEmpty ? [] : [{ ...EMPTY_TURN, key: "values", output: values as Turn["output"] }];
}

const omittedOf = (thread: Thread): number =>
  thread.omitted?.["messages"] ?? thread.omitted?.["__root__"] ?? 0;
