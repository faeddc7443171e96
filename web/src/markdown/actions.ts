/** What the buttons of an answer do. One listener at the root serves them all. */
import { copyText } from "../chat/clipboard";
import type { Words } from "../words";
import { codeText, element } from "./code";
import { diagram } from "./diagram";

const SHOWN_MS = 2_000;

/** Does what the clicked button is for, if it is one of an answer. */
export async function act(event: Event, words: Words): Promise<void> {
  const button = (event.target as Element | null)?.closest<HTMLButtonElement>("button[data-action]");
  const frame = button?.closest<HTMLElement>(".code-frame");
  if (!button || !frame) return;
  if (button.dataset["action"] === "copy") await copy(button, codeText(frame), words);
  else await toggleDiagram(button, frame, words);
}

async function copy(button: HTMLButtonElement, text: string, words: Words): Promise<void> {
  const isCopied = await copyText(text);
  button.textContent = isCopied ? words.copied : words.notCopied;
  button.setAttribute("aria-live", "polite");
  setTimeout(() => (button.textContent = words.copy), SHOWN_MS);
}

async function toggleDiagram(button: HTMLButtonElement, frame: HTMLElement, words: Words): Promise<void> {
  const shown = frame.querySelector(".diagram-frame");
  frame.classList.toggle("is-drawn", shown === null);
  if (shown) {
    shown.remove();
    button.textContent = words.draw;
    return;
  }
  const place = element("div", "diagram-frame");
  place.textContent = words.drawing;
  frame.append(place);
  button.textContent = words.source;
  try {
    place.replaceChildren(await diagram(codeText(frame), words.diagram, isDark(frame)));
  } catch {
    frame.classList.remove("is-drawn");
    place.setAttribute("role", "alert");
    place.textContent = words.notDrawn;
  }
}

function isDark(element: HTMLElement): boolean {
  const chosen = element.closest<HTMLElement>("[data-theme]")?.dataset["theme"];
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
