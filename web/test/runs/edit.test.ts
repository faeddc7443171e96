import { describe, expect, test } from "vitest";
import { combinedIn, isMessages, patchOf, placeOf } from "../../src/runs/model/edit";

const message = (id: string, content: string, more = {}) => ({ type: "ai", id, content, ...more });
const OLD = { messages: [message("1", "one"), message("2", "two"), message("3", "three")], topic: "cats" };

describe("what is sent of an edited state", () => {
  test("is what has changed", () => {
    expect(patchOf(OLD, OLD).values).toEqual({});
    expect(patchOf(OLD, { ...OLD, messages: [...OLD.messages] }).values).toEqual({});
    expect(patchOf(OLD, { ...OLD, topic: "dogs" }).values).toEqual({ topic: "dogs" });
  });

  test("is null for what was emptied", () => {
    expect(patchOf(OLD, { ...OLD, topic: undefined }).values).toEqual({ topic: null });
  });

  test("is each message that is another one, gone or new, with its place in the editor", () => {
    const [one, , three] = OLD.messages;
    const added = { type: "human", content: "four" };
    const { values, places } = patchOf(OLD, { ...OLD, messages: [one, { ...three, content: "3" }, added] });

    expect(values).toEqual({ messages: [{ type: "remove", id: "2" }, message("3", "3"), added] });
    expect(placeOf("messages.1.content", places)).toBe("messages.1.content");
    expect(placeOf("messages.2.content", places)).toBe("messages.2.content");
    expect(placeOf("messages.0.id", places)).toBe("messages.-1.id");
    expect(placeOf("topic.0", places)).toBe("topic.0");
  });

  test("has a message without what it has not, nor what was counted for its old text", () => {
    const old = [message("1", "one", { name: null, usage_metadata: { total_tokens: 3 }, tool_calls: [] })];
    const now = [{ ...old[0], content: "1" }];

    expect(patchOf({ log: old }, { log: now }).values).toEqual({
      log: [message("1", "1", { tool_calls: [] })],
    });
  });

  test("is a whole list, where its items have no ids", () => {
    expect(patchOf({ notes: ["a", "b"] }, { notes: ["b"] }).values).toEqual({ notes: ["b"] });
  });
});

test.each([
  [[message("1", "one")], true],
  [[], false],
  [[message("1", "one"), "two"], false],
  [[{ type: "ai", content: "without an id" }], false],
  [{ type: "ai", id: "1" }, false],
])("what is a list of messages: %j", (value, expected) => {
  expect(isMessages(value)).toBe(expected);
});

test("what a reducer has combined is named, but no message's own", () => {
  const sent = { notes: ["b"], topic: "dogs", messages: [message("1", "1")], gone: null };
  const made = { notes: ["a", "b", "b"], topic: "dogs", messages: [message("0", "0"), message("1", "1")] };

  expect(combinedIn(sent, { ...sent, gone: undefined }, made)).toEqual(["notes"]);
});
