/** A growing text -> blocks. What has been split stays as it is: only the last block may still change. */
import { Lexer, type Token, type Tokens } from "marked";
import { joined, openElement } from "./elements";
import { options } from "./syntax";

/** One block of a text: a paragraph, a list, code. */
export interface Block {
  /** Its place among the blocks, for as long as the text only grows. */
  readonly key: number;
  readonly tokens: readonly Token[];
  /** Its source; a later reference's definition may give it other tokens. */
  readonly raw: string;
}

/** How many blocks are shown and compared together. */
export const GROUP = 24;
/** How much is split at a time. */
const SLICE = 2_048;
/** A block of more is cut, wherever that is best: rendering it again for each token would take too long. */
const LONG = 8_192;
const LONG_CODE = 131_072;
const LONG_LIST = 40;
const LONG_TABLE = 120;
/** No paragraph has so many marks. */
const MANY_MARKS = 600;
/** A text that begins so many lists and quotes in one line is no text. */
const TOO_DEEP = /^[ \t]*(?:>[ \t]*|(?:[-*+]|\d{1,9}[.)])[ \t]+){16}/m;

/** Splits one text, which is fed to it as it grows. */
export class Blocks {
  /** The finished blocks. A group is a new array only when it has changed. */
  readonly groups: (readonly Block[])[] = [];
  private text = "";
  private at = 0;
  /** What a block that was cut begins with again: its fence, or the head of its table. */
  private carry = "";
  private count = 0;
  private readonly links: Record<string, { href: string; title: string }> = {};

  /** Whether the text fed so far continues as this one. */
  continuesAs(text: string): boolean {
    return text.startsWith(this.text);
  }

  /** Splits at most a slice more of the text; returns whether there is no more to split. */
  feed(text: string, isLive: boolean): boolean {
    this.text = text;
    const start = this.at;
    for (let size = SLICE; ; size *= 2) {
      const isRest = this.at + size >= text.length;
      const end = isRest ? text.length : lineEnd(text, this.at + size);
      const isAll = end >= text.length;
      const hasCut = this.split(text.slice(this.at, end), isAll && !isLive);
      if (isAll && !hasCut) return true;
      if (this.at > start) return false;
    }
  }

  /** The source of the block that isn't finished. */
  get rest(): string {
    return this.carry + this.text.slice(this.at);
  }

  /** The block that isn't finished, of a source that unfinished.ts may have closed. */
  live(source: string): Block | null {
    const tokens = this.lex(source);
    return tokens.length === 0 ? null : { key: this.count, tokens, raw: source };
  }

  /** Finishes what it can; returns whether that was the beginning of a block that is too long. */
  private split(slice: string, isEnd: boolean): boolean {
    const tokens = joined(this.outline(this.carry + slice), LONG);
    const whole = isEnd ? tokens.length : Math.min(lastBlock(tokens), openMath(tokens), openElement(tokens));
    for (const [index, token] of tokens.entries()) {
      const place = cutOf(token);
      if (place !== null) {
        this.add(token.raw.slice(0, place.length));
        this.carry = place.carry;
        return true;
      }
      if (index < whole) this.add(token.raw);
    }
    return false;
  }

  /** Finishes a block, which begins where the last one has ended. */
  private add(raw: string): void {
    this.at += raw.length - this.carry.length;
    this.carry = "";
    const tokens = this.lex(raw);
    if (tokens.every((each) => each.type === "space")) return;
    for (const token of tokens) if (token.type === "def") this.define(token as Tokens.Def);
    const block = { key: this.count++, tokens, raw };
    const last = this.groups.at(-1);
    if (last === undefined || last.length >= GROUP) this.groups.push([block]);
    else this.groups[this.groups.length - 1] = [...last, block];
  }

  /** Splits again those finished blocks that had a reference without its definition. */
  private define(token: Tokens.Def): void {
    const label = `[${token.tag}]`;
    for (const [index, group] of this.groups.entries()) {
      if (!group.some((block) => block.raw.toLowerCase().includes(label))) continue;
      this.groups[index] = group.map((block) =>
        block.raw.toLowerCase().includes(label) ? { ...block, tokens: this.lex(block.raw) } : block,
      );
    }
  }

  private lex(source: string): Token[] {
    return isNoise(source) ? plain(source) : this.read(source, (lexer) => lexer.lex(source));
  }

  /** Returns the blocks without what is in them: of a long text that would take too long. */
  private outline(source: string): Token[] {
    return this.read(source, (lexer) => lexer.blockTokens(source));
  }

  private read(source: string, reading: (lexer: Lexer) => Token[]): Token[] {
    if (TOO_DEEP.test(source)) return plain(source);
    const lexer = new Lexer(options);
    lexer.tokens.links = this.links;
    try {
      return reading(lexer);
    } catch (error) {
      if (error instanceof RangeError) return plain(source); // nested too deep in another way
      throw error;
    }
  }
}

/** Whether a paragraph of it has so many marks that reading them would take too long. */
function isNoise(source: string): boolean {
  if (source.length <= MANY_MARKS || /^ {0,3}(?:`{3}|~{3})/.test(source)) return false;
  return source
    .split(/\n(?=\s*(?:\n|[-*+|>]|\d+[.)]))/)
    .some((part) => part.length > MANY_MARKS && (part.match(/[*_~`[<]/g)?.length ?? 0) > MANY_MARKS);
}

/** Returns the source as it is, as a paragraph. */
function plain(source: string): Token[] {
  const text: Tokens.Text = { type: "text", raw: source, text: source, escaped: false };
  return [{ type: "paragraph", raw: source, text: source, tokens: [text] }];
}

/** Returns where a block that is too long is cut, and what its rest begins with. */
function cutOf(token: Token): { length: number; carry: string } | null {
  if (token.type === "code") return codeCut(token as Tokens.Code);
  if (token.type === "list") {
    const items = (token as Tokens.List).items;
    if (items.length > LONG_LIST) return { length: lengthOf(items.slice(0, LONG_LIST)), carry: "" };
  }
  if (token.type === "table") {
    const lines = token.raw.split("\n");
    if (lines.length > LONG_TABLE) return tableCut(lines);
  }
  return token.raw.length > LONG ? { length: textCut(token.raw), carry: "" } : null;
}

function codeCut(token: Tokens.Code): { length: number; carry: string } | null {
  if (token.raw.length <= LONG_CODE) return null;
  const fence = /^ {0,3}(`{3,}|~{3,})[^\n]*\n/.exec(token.raw)?.[0] ?? "";
  return { length: Math.max(lineEnd(token.raw, LONG_CODE / 2), fence.length), carry: fence };
}

function tableCut(lines: readonly string[]): { length: number; carry: string } {
  const whole = lines.slice(0, LONG_TABLE);
  return { length: whole.join("\n").length + 1, carry: `${whole[0]}\n${whole[1]}\n` };
}

/** Returns the length of the text's beginning up to its last line, word or, without any, its half. */
function textCut(text: string): number {
  const half = text.length >> 1;
  for (const sign of ["\n", " "]) {
    const at = text.lastIndexOf(sign);
    if (at > half) return at + 1;
  }
  const isInPair = /[\uD800-\uDBFF]/.test(text.charAt(half - 1));
  return isInPair ? half + 1 : half;
}

function lengthOf(tokens: readonly { raw: string }[]): number {
  return tokens.reduce((sum, each) => sum + each.raw.length, 0);
}

/** Returns the index after the first line that ends at the index or later, if one ends soon. */
function lineEnd(text: string, index: number): number {
  const at = text.indexOf("\n", index);
  return at === -1 || at > index + LONG ? Math.min(index + 1, text.length) : at + 1;
}

/** Returns the index of the last token that isn't only space. */
function lastBlock(tokens: readonly Token[]): number {
  let index = tokens.length - 1;
  while (index > 0 && tokens[index]?.type === "space") index--;
  return Math.max(index, 0);
}

/** Returns the index of the formula that hasn't ended: it may have empty lines. */
function openMath(tokens: readonly Token[]): number {
  const index = tokens.findLastIndex((each) => /^ {0,3}(?:\$\$|\\\[)/.test(each.raw));
  const token = tokens[index];
  return token?.type !== "paragraph" || lengthOf(tokens.slice(index)) > LONG ? tokens.length : index;
}
