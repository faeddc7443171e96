/** The end of a text that is still coming: closed, or left out, so that it doesn't change its look when it is finished. */

/** Returns the source of a block as it is shown until the rest of it has come. */
export function closed(source: string): string {
  const fence = openFence(source);
  if (fence !== null) return withoutFenceEnd(source, fence);
  const shown = withoutTable(withoutMark(withoutMath(source)));
  const start = lastParagraph(shown);
  return shown.slice(0, start) + closedInline(shown.slice(start));
}

/** Returns the fence of the code block that the source ends in. */
function openFence(source: string): string | null {
  let open: string | null = null;
  for (const [, fence = "", info = ""] of source.matchAll(
    /^[ \t]*(?:[-*+]|\d+[.)])?[ \t>]*(`{3,}|~{3,})(.*)$/gm,
  )) {
    if (open === null) open = info.includes("`") ? null : fence;
    else if (fence.startsWith(open) && info.trim() === "") open = null;
  }
  return open;
}

/** The last line may become the fence's end. */
function withoutFenceEnd(source: string, fence: string): string {
  const sign = fence.charAt(0);
  return source.replace(sign === "`" ? /\n[ \t]*`{1,}$/ : /\n[ \t]*~{1,}$/, "\n");
}

/** A formula is shown when it is complete. */
function withoutMath(source: string): string {
  const places: number[] = [];
  const signs = [...source.matchAll(/\$\$/g)];
  if (signs.length % 2 === 1) places.push(signs.at(-1)?.index ?? source.length);
  for (const [open, close] of [
    ["\\[", "\\]"],
    ["\\(", "\\)"],
  ] as const) {
    const at = source.lastIndexOf(open);
    if (at > source.lastIndexOf(close)) places.push(at);
  }
  return source.slice(0, Math.min(source.length, ...places));
}

/** A last line of a mark alone may become a list, a heading, a fence, a quote, a rule or a line under a heading. */
function withoutMark(source: string): string {
  return source
    .replace(/(^|\n)[ \t>]*(?:[-=*+_]+|#{1,6}|`{1,}|~{1,}|\d{1,9}[.)]|[-*+] \[[ xX]?\]?)[ \t]*$/, "$1")
    .replace(/\n[ \t]*\d{1,9}$/, "\n")
    .replace(/(^|\n)[ \t]*\$$|\\$/, "$1");
}

/** Half a row isn't shown, nor the head of a table before it is known to be one. */
function withoutTable(source: string): string {
  const lines = source.split("\n");
  const isWhole = lines.at(-1) === "" && isRow(lines.at(-2));
  if (isWhole) lines.pop();
  const first = lines.findLastIndex((line) => !isRow(line)) + 1;
  const rows = lines.slice(first);
  if (rows.length === 0) return source;
  if (isTable(rows, isWhole)) return isWhole ? source : `${lines.slice(0, -1).join("\n")}\n`;
  return rows.length < 3 ? lines.slice(0, first).join("\n") : source;
}

function isTable(rows: readonly string[], isWhole: boolean): boolean {
  return (isWhole || rows.length > 2) && /^[\s|:-]*-[\s|:-]*\|?\s*$/.test(rows[1] ?? "");
}

function isRow(line: string | undefined): boolean {
  return line?.trimStart().startsWith("|") ?? false;
}

function lastParagraph(source: string): number {
  const at = Math.max(source.lastIndexOf("\n\n"), source.search(/\n[ \t]*(?:[-*+]|\d+[.)])[ \t][^\n]*$/));
  return at === -1 ? 0 : at;
}

/** Returns a paragraph whose emphasis, code and links are closed. */
export function closedInline(text: string): string {
  const open: string[] = [];
  let shown = text.replace(/!?\[[^\]\n]*$|<\/?[a-zA-Z!][^<>\n]{0,200}$/, unfinishedTag);
  shown = shown.replace(/(!?)\[([^\]\n]*)\](?:\([^()\n]*)?$/, (_, isImage: string, label: string) =>
    isImage ? "" : `[${label}](<>)`,
  );
  const marks = /\\[\s\S]|(`+)|(\*{1,3}|~~|_{1,2})/g;
  for (let found = marks.exec(shown); found; found = marks.exec(shown)) {
    const [whole, ticks, mark] = found;
    if (ticks) {
      const end = endOfCode(shown, ticks, found.index + ticks.length);
      if (end === -1) return closeAll(shown, [...open, ticks]);
      marks.lastIndex = end;
    } else if (mark && counts(shown, found.index, whole)) toggle(open, mark, shown, found.index);
  }
  return closeAll(shown, open);
}

/** Half a link is shown as its text, a half tag and a half image not at all. */
function unfinishedTag(tail: string): string {
  return tail.startsWith("[") && tail.length > 1 ? `[${tail.slice(1)}](<>)` : "";
}

function endOfCode(text: string, ticks: string, from: number): number {
  const end = new RegExp(`(?<!\`)${ticks}(?!\`)`, "g");
  end.lastIndex = from;
  const found = end.exec(text);
  return found ? found.index + ticks.length : -1;
}

/** Whether a sign may open or close emphasis there, rather than multiply, or be part of a name. */
function counts(text: string, index: number, mark: string): boolean {
  const [before, after] = [text.charAt(index - 1), text.charAt(index + mark.length)];
  const isSpaced = /^\s?$/.test(before) && /^\s$/.test(after);
  const isListMark = mark === "*" && /(^|\n)[ \t]*$/.test(text.slice(0, index)) && /^\s$/.test(after);
  const isInWord = mark.startsWith("_") && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after);
  return !isSpaced && !isListMark && !isInWord;
}

function toggle(open: string[], mark: string, text: string, index: number): void {
  if (open.at(-1) === mark) open.pop();
  else if (mark === "***" && open.length >= 2) open.splice(-2);
  else if (!/^\s$/.test(text.charAt(index + mark.length))) open.push(mark);
}

/** Closes what is open, the innermost first; a mark that nothing has come after is left out. */
function closeAll(text: string, open: readonly string[]): string {
  let shown = open.length > 0 ? text.replace(/[ \t]+$/, "") : text;
  const left = [...open];
  for (let mark = left.at(-1); mark !== undefined && shown.endsWith(mark); mark = left.at(-1)) {
    shown = shown.slice(0, -mark.length);
    left.pop();
  }
  return shown + left.reverse().join("");
}
