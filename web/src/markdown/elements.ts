/** HTML elements around several blocks of Markdown, such as `<details>`: with its tags, all of them are one block. */
import type { Token } from "marked";

const AROUND = /^ {0,3}<(details|div|section|article|aside|blockquote|figure|center|table|ul|ol|dl)\b/i;

/** An element that has begun, and whose end is yet to come. */
const OPEN = "open-element";

/** Returns the blocks, those within one element as one; of an element that is longer, each stays for itself. */
export function joined(tokens: readonly Token[], longest: number): Token[] {
  const made: Token[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    const name = token.type === "html" ? AROUND.exec(token.raw)?.[1] : undefined;
    const found = name === undefined ? null : elementAt(tokens, at, name, longest);
    made.push(found?.token ?? token);
    if (found) at = found.last;
  }
  return made;
}

/** Returns the index of the element that hasn't ended. */
export function openElement(tokens: readonly Token[]): number {
  const index = tokens.findLastIndex((each) => each.type === OPEN);
  return index < 0 ? tokens.length : index;
}

function elementAt(
  tokens: readonly Token[],
  first: number,
  name: string,
  longest: number,
): { token: Token; last: number } | null {
  let depth = 0;
  let raw = "";
  for (let at = first; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    raw += token.raw;
    if (raw.length > longest) return null;
    if (token.type === "html") depth += depthOf(token.raw, name);
    if (depth <= 0) return at === first ? null : { token: { type: "html", raw, text: raw }, last: at };
  }
  return { token: { type: OPEN, raw, text: raw }, last: tokens.length - 1 };
}

/** Returns how many elements of a name a text opens, less those it closes. */
function depthOf(text: string, name: string): number {
  const count = (pattern: string) => text.match(new RegExp(pattern, "gi"))?.length ?? 0;
  return count(`<${name}\\b`) - count(`</${name}\\b`);
}
