/** What is written and not sent stays with its thread, and with what comes back from the server. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Drafts, EMPTY, withUnsent, withoutUnsent, type Draft } from "../../src/chat/drafts";
import type { Attached } from "../../src/state";

const file = fc.record({ name: fc.string() }) as unknown as fc.Arbitrary<Attached>;
const draft: fc.Arbitrary<Draft> = fc.record({
  text: fc.constantFrom("", "a", "b\n\nb", "a\n\na"),
  files: fc.array(file),
});

test("what is sent after all leaves what was written since", () => {
  fc.assert(
    fc.property(draft, draft, (written, unsent) => {
      expect(withoutUnsent(withUnsent(written, unsent), unsent)).toEqual(written);
    }),
  );
});

test("what wasn't sent is in front of what was written since, and stays if it was changed", () => {
  const both = withUnsent({ text: "second", files: [] }, { text: "first", files: [] });

  expect(both.text).toBe("first\n\nsecond");
  expect(withoutUnsent({ ...both, text: "The first" }, { text: "first", files: [] }).text).toBe("The first");
});

test("what is changed later is changed in the draft where it began, also once that has a thread", () => {
  const drafts = new Drafts();
  const [made, other] = [drafts.at("g", null), drafts.at("g", "other")];
  const add = (text: string) => (before: Draft) => ({ ...before, text: before.text + text });

  made.change(add("a"));
  made.adopt("t");
  other.change(add("b"));
  made.change(add("c"));

  expect([made, other, drafts.at("g", "t")].map((each) => each.draft.text)).toEqual(["ac", "b", "ac"]);
  expect(drafts.at("g", null).draft).toBe(EMPTY);
});
