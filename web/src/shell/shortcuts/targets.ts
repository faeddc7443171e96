/** What a key acts on: the element that is marked with `data-hotkey`. */
import type { Focus, Key } from "./keys";

const TEXT = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=file])";

/** Returns the element that a key acts on; null: there is none now. */
export function targetOf(key: Key): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-hotkey="${key}"]`);
}

/** Returns what has the focus, as the keys see it. */
export function focusAt(target: EventTarget | null): Focus {
  const element = target instanceof Element ? target : null;
  return {
    isText: element?.closest(TEXT) != null,
    isMessage: element?.closest('[data-hotkey="m"]') != null,
  };
}

/** Moves the focus into the message box or the form, as soon as it is there; a press or a click ends the wait. */
export function focusMessage(): void {
  if (focusFirst(targetOf("m"))) return;
  const looking = new MutationObserver(() => {
    if (focusFirst(targetOf("m"))) end();
  });
  const end = () => {
    looking.disconnect();
    removeEventListener("keydown", end);
    removeEventListener("pointerdown", end);
  };
  looking.observe(document.body, { childList: true, subtree: true });
  addEventListener("keydown", end);
  addEventListener("pointerdown", end);
}

function focusFirst(target: HTMLElement | null): boolean {
  const field = target?.matches(TEXT) ? target : target?.querySelector<HTMLElement>(`${TEXT}, button`);
  field?.focus();
  return field != null;
}
