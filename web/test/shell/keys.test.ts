import { describe, expect, test } from "vitest";
import { keyOf, KEYS, type Focus, type Press } from "../../src/shell/shortcuts/keys";

const PAGE: Focus = { isText: false, isMessage: false };
const MESSAGE: Focus = { isText: true, isMessage: true };
const FIELD: Focus = { isText: true, isMessage: false };

const press = (key: string, more: Partial<Press> = {}): Press => ({
  key,
  code: "",
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  repeat: false,
  isComposing: false,
  keyCode: 0,
  ...more,
});

describe("a single key", () => {
  test.each([...KEYS])("%s acts outside of text fields alone", (key) => {
    const given = press(key, { shiftKey: key === "?" });

    expect(keyOf(given, PAGE, true)).toBe(key);
    expect(keyOf(given, FIELD, true)).toBeNull();
    expect(keyOf(given, MESSAGE, true)).toBeNull();
    expect(keyOf(given, PAGE, false)).toBeNull();
  });

  test.each([
    ["with Ctrl, the browser's", { ctrlKey: true }],
    ["with Command", { metaKey: true }],
    ["with Alt, a special character", { altKey: true }],
    ["with Shift", { shiftKey: true }],
    ["held down", { repeat: true }],
    ["of an input method", { isComposing: true }],
    ["of an input method, as Safari reports its last one", { keyCode: 229 }],
  ])("%s means nothing", (_, more) => {
    expect(keyOf(press("n", more), PAGE, true)).toBeNull();
  });

  test("is the one at its place on a keyboard of another script, and the letter itself on any other", () => {
    expect(keyOf(press("т", { code: "KeyN" }), PAGE, true)).toBe("n");
    expect(keyOf(press("N", { code: "KeyN" }), PAGE, true)).toBe("n");
    expect(keyOf(press("b", { code: "KeyN" }), PAGE, true)).toBeNull();
    expect(keyOf(press("١", { code: "Digit1" }), PAGE, true)).toBe("1");
  });
});

test.each([
  [PAGE, true],
  [MESSAGE, true],
  [FIELD, false],
])("Escape stops an answer, but leaves other fields alone", (focus, acts) => {
  expect(keyOf(press("Escape"), focus, false)).toBe(acts ? "Escape" : null);
  expect(keyOf(press("Escape", { isComposing: true }), focus, true)).toBeNull();
});

test.each([PAGE, MESSAGE, FIELD])("Ctrl+/ and Command+/ list the shortcuts from anywhere", (focus) => {
  expect(keyOf(press("/", { ctrlKey: true }), focus, false)).toBe("?");
  expect(keyOf(press("/", { metaKey: true }), focus, false)).toBe("?");
  expect(keyOf(press("/", { ctrlKey: true, shiftKey: true }), focus, false)).toBe("?"); // where / is on the 7
  expect(keyOf(press("/"), focus, true)).toBeNull();
});
