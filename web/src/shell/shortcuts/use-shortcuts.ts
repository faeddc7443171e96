import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { keepTaste, taste } from "../../look/tastes";
import { keyOf, type Key } from "./keys";
import { focusAt, focusMessage, targetOf } from "./targets";

/** The sheet that lists the shortcuts, and whether the single keys are on. */
export interface Shortcuts {
  readonly isOpen: boolean;
  readonly areSingleOn: boolean;
  readonly open: () => void;
  readonly close: () => void;
  /** Closes the sheet, and does what the key does. */
  readonly choose: (key: Key) => void;
  readonly setSingle: (areOn: boolean) => void;
}

/** Listens to the page's shortcuts. onMenu: shows the sidebar, where it is folded. */
export function useShortcuts(onMenu: () => void): Shortcuts {
  const [isOpen, setOpen] = useState(false);
  const [areSingleOn, setSingle] = useState(() => taste("keys") !== "off");
  const chosen = useRef<Key | null>(null);
  const choose = (key: Key) => {
    chosen.current = key;
    setOpen(false);
  };
  useEffect(() => {
    const key = chosen.current;
    chosen.current = null;
    if (!isOpen && key) act(key, onMenu); // only now: a dialog that closes gives the focus back
  }, [isOpen]);
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isElsewhere(isOpen)) return;
      const key = keyOf(event, focusAt(event.target), areSingleOn);
      if (key === null || (key === "Escape" && (isOpen || !targetOf(key)))) return;
      event.preventDefault();
      if (key === "?") setOpen(!isOpen);
      else if (isOpen) choose(key);
      else act(key, onMenu);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });
  return {
    isOpen,
    areSingleOn,
    open: () => setOpen(true),
    close: () => setOpen(false),
    choose,
    setSingle: (areOn) => {
      keepTaste("keys", areOn ? "on" : "off");
      setSingle(areOn);
    },
  };
}

/** Whether another dialog, or the menu, has the keys. */
function isElsewhere(isOpen: boolean): boolean {
  return !isOpen && document.querySelector("dialog[open], .stage[inert]") !== null;
}

function act(key: Key, onMenu: () => void): void {
  const target = targetOf(key);
  if (key === "t") search(target, onMenu);
  else if (key === "m") writeMessage(target ? null : targetOf("1"));
  else if (key === "n" && target) writeMessage(target);
  else target?.click();
}

/** way: what leads to where a message is written; null: it is there. */
function writeMessage(way: HTMLElement | null): void {
  way?.click();
  focusMessage();
}

function search(field: HTMLElement | null, onMenu: () => void): void {
  if (field?.checkVisibility({ visibilityProperty: true })) field.focus();
  else if (field) onMenu();
}
