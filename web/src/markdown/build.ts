/** A block -> the nodes that show it. */
import { Parser, type Token, type Tokens } from "marked";
import type { Words } from "../words";
import { codeFrame } from "./code";
import { drawnMath } from "./math";
import { safe } from "./safe";
import { marked, options } from "./syntax";

/** Returns the nodes of a block. All that they can do is done by what listens to their root (actions.ts). */
export function build(tokens: readonly Token[], words: Words): DocumentFragment {
  const nodes = safe(Parser.parse(tokens as Token[], options));
  for (const code of nodes.querySelectorAll<HTMLElement>("code[data-math]")) {
    const drawn = drawnMath(code);
    if (drawn) code.replaceWith(drawn);
  }
  const languages = languagesOf(tokens);
  for (const pre of nodes.querySelectorAll("pre")) {
    const isOurs = pre.childElementCount === 1 && pre.firstElementChild?.localName === "code";
    pre.replaceWith(codeFrame(pre.textContent, isOurs ? (languages.shift() ?? "") : "", words));
  }
  for (const table of nodes.querySelectorAll("table")) table.replaceWith(scrollable(table, words));
  return nodes;
}

/** Returns the languages of all code blocks, in order: no class comes through to name them. */
function languagesOf(tokens: readonly Token[]): string[] {
  const found: string[] = [];
  marked.walkTokens([...tokens], (token) => {
    if (token.type === "code") found.push(/^\S*/.exec((token as Tokens.Code).lang ?? "")?.[0] ?? "");
  });
  return found;
}

/** A wide table scrolls within its frame, with the keyboard too. */
function scrollable(table: HTMLElement, words: Words): HTMLElement {
  const frame = document.createElement("div");
  frame.className = "table-frame";
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", words.table);
  frame.tabIndex = 0;
  frame.append(table.cloneNode(true));
  return frame;
}
