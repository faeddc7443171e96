/** A code block's frame: its language, what can be done with it, and its text in pieces. */
import type { Words } from "../words";

/** A piece is laid out apart from the others, so that a growing text costs no more the longer it is. */
const PIECE_LINES = 40;

/** Returns the frame of a code block. language is what the text names it, and may be anything. */
export function codeFrame(text: string, language: string, words: Words): HTMLElement {
  const frame = element("figure", "code-frame");
  const bar = element("figcaption", "code-bar");
  const name = element("span", "code-language");
  name.textContent = language || words.code;
  bar.append(name);
  if (language.toLowerCase() === "mermaid") bar.append(action("draw", words.draw));
  bar.append(action("copy", words.copy));
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  pre.dir = "ltr";
  const code = document.createElement("code");
  code.append(...pieces(text.replace(/\n$/, "")));
  pre.append(code);
  frame.append(bar, pre);
  frame.dataset["language"] = language.toLowerCase();
  return frame;
}

/** Returns the text of a code block, whatever it is made of by now. */
export function codeText(frame: Element): string {
  const parts = frame.querySelectorAll("code > .piece");
  const text = parts.length > 0 ? [...parts].map((each) => each.textContent).join("\n") : null;
  return text ?? frame.querySelector("code")?.textContent ?? "";
}

function pieces(text: string): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (let start = 0; start <= text.length;) {
    const end = lineEnd(text, start);
    const piece = element("span", "piece");
    piece.textContent = text.slice(start, end);
    found.push(piece);
    start = end + 1;
  }
  return found;
}

/** Returns where the piece that starts there ends: before a line's end, or at the end of the text. */
function lineEnd(text: string, start: number): number {
  let at = start - 1;
  for (let line = 0; line < PIECE_LINES; line++) {
    const next = text.indexOf("\n", at + 1);
    if (next === -1) return text.length;
    at = next;
  }
  return at;
}

function action(name: string, label: string): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "code-action";
  button.dataset["action"] = name;
  button.textContent = label;
  return button;
}

export function element(name: string, className: string): HTMLElement {
  const made = document.createElement(name);
  made.className = className;
  return made;
}
