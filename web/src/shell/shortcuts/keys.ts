/** The page's keyboard shortcuts: which key is meant by a press, and whether it may act where the focus is. */

/** What acts everywhere on the page; ? is the sheet that lists them. Ctrl+/ opens it from a text field too. */
export const KEYS = ["n", "m", "t", "1", "2", "3", "g", "?"] as const;
export type Key = (typeof KEYS)[number] | "Escape";

/** As much of a KeyboardEvent as is looked at. */
export interface Press {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly repeat: boolean;
  readonly isComposing: boolean;
  readonly keyCode: number;
}

export interface Focus {
  /** Whether what is typed there is a text. */
  readonly isText: boolean;
  /** Whether it is where a message is written. */
  readonly isMessage: boolean;
}

/**
 * Returns the key that a press means; null: none.
 *
 * Single keys act only outside of text fields, and only if the reader hasn't turned them off; Escape stops an answer
 * from the message box, too. A press that an input method composes with means nothing.
 */
export function keyOf(press: Press, focus: Focus, areSingleOn: boolean): Key | null {
  if (isNone(press)) return null;
  if (press.ctrlKey || press.metaKey) return press.key === "/" ? "?" : null;
  if (press.key === "Escape") return focus.isText && !focus.isMessage ? null : "Escape";
  return focus.isText || !areSingleOn ? null : singleOf(press);
}

const isNone = ({ isComposing, keyCode, repeat, altKey }: Press): boolean =>
  isComposing || keyCode === 229 || repeat || altKey;

function singleOf(press: Press): Key | null {
  const key = latin(press);
  return KEYS.find((each) => each === key && (each === "?" || !press.shiftKey)) ?? null;
}

/** Returns what is on the key in the Latin script, if the keyboard writes another one. */
function latin({ key, code }: Press): string {
  const typed = key.toLowerCase();
  return typed >= "\u0080" ? code.replace(/^(Key|Digit)/, "").toLowerCase() : typed;
}
