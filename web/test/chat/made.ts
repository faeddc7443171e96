/** Threads, logs and turns that are made for a test. */
import { firstPage, type Pages } from "../../src/chat/model/pages";
import type { Turn } from "../../src/chat/model/turn";
import type { Thread } from "../../src/server/threads";
import type { TurnInfo } from "../../src/server/turns";
import type { AiMessage, AnyEvent } from "../../src/state";
import { event } from "../state/golden";

export const AT = 5; // when each event was emitted

export const human = (id: string) => ({ type: "human", id, content: id });
export const ai = (text: string) => ({ type: "ai", id: `m ${text}`, content: text });
export const tool = (id: string) => ({ type: "tool", id, tool_call_id: `call ${id}`, content: "done" });
export const started = () => event("1-1", "started", { run_id: "r", thread_id: "t", graph: "g", attempt: 1 });

export function message(seq: number, text: string, namespace: readonly string[] = []): AnyEvent {
  const messages = [ai(text)];
  return event(`1-${seq}`, "update", { node: "n", namespace, values: { messages } });
}

export const logged = (events: readonly AnyEvent[], isWhole = true) => ({
  writer: { run_id: "r", is_whole: isWhole },
  log: events.map((each) => ({ event: each, at: AT })),
});

export function pagesWith(...messages: readonly object[]): Pages {
  return firstPage({ checkpoint_id: "c", values: { messages } } as unknown as Thread);
}

export function conversation(...names: readonly string[]): Pages {
  return pagesWith(...names.flatMap((name) => [human(name), ai(`to ${name}`)]));
}

export function info(ids: string): TurnInfo {
  return {
    checkpoint_id: ids,
    message_ids: ids.split(","),
    input: null,
    is_input_omitted: false,
    runs: [{ run_id: `run ${ids}`, is_whole: true }],
    is_edited: false,
  };
}

export function textsOf(turn: Turn | null | undefined): readonly string[] {
  const items = turn?.items ?? [];
  return items.filter((each): each is AiMessage => each.type === "message").map((each) => each.text);
}
