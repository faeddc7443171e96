/** What is read beside GitHub's Markdown: math, as models write it. */
import { Marked, type MarkedOptions, type TokenizerAndRendererExtension } from "marked";

const BLOCK = /^ {0,3}(?:\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\])[ \t]*(?:\n|$)/;
const DISPLAY = /^(?:\$\$([^\n]+?)\$\$|\\\[([^\n]+?)\\\])/;
/** $5 and $6 is money: a formula touches both of its signs, and no digit follows. */
const INLINE = /^(?:\$(?![\s$])((?:\\.|[^\\$\n])*?[^\s\\$])\$(?![\d$])|\\\(([^\n]+?)\\\))/;

function tokenizer(name: string, level: "block" | "inline", rules: readonly RegExp[], isDisplay: boolean) {
  return {
    name,
    level,
    start: (text: string) => {
      const at = text.search(level === "block" ? /(?:^|\n) {0,3}(?:\$\$|\\\[)/ : /\$|\\[([]/);
      return at === -1 ? undefined : at;
    },
    tokenizer: (text: string) => {
      for (const rule of rules) {
        const found = rule.exec(text);
        if (found) return { type: name, raw: found[0], text: (found[1] ?? found[2] ?? "").trim() };
      }
      return undefined;
    },
    renderer: (token: { text: string }) => {
      const code = `<code data-math="${isDisplay ? "display" : "inline"}">${escaped(token.text)}</code>`;
      return level === "block" ? `<p>${code}</p>\n` : code;
    },
  } as unknown as TokenizerAndRendererExtension; // marked types the token as any
}

/** Returns the text as HTML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Reads and renders one dialect, apart from marked's own state. */
export const marked = new Marked({
  gfm: true,
  breaks: false,
  extensions: [
    tokenizer("math", "block", [BLOCK], true),
    tokenizer("mathDisplay", "inline", [DISPLAY], true),
    tokenizer("mathInline", "inline", [INLINE], false),
  ],
  renderer: {
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
    checkbox: ({ checked }) => `<input type="checkbox" disabled${checked ? " checked" : ""}> `,
  },
});

export const options: MarkedOptions = marked.defaults;
