import fc from "fast-check";
import { Parser, type Tokens } from "marked";
import { describe, expect, test } from "vitest";
import { Blocks, type Block } from "../../src/markdown/blocks";
import { marked, options } from "../../src/markdown/syntax";

const SAMPLES = {
  paragraphs: "One line\nand another.\n\nA second *paragraph*.\n\n\nA third.",
  lists: "Before\n\n- one\n- two\n\n  still two\n\n1. a\n2. b\n   - nested\n\nAfter",
  code: "Look:\n\n```python\ndef f():\n\n    return 1\n```\n\nDone.",
  tables: "| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | 4 |\n\nAfter the table",
  headings: "# One\ntext\n## Two\n\nThree\n---\nfour",
  math: "Let $x^2$ be.\n\n$$\n\\int_0^1 x\\,dx\n\n= 1\n$$\n\nSo \\(y\\).",
  html: "<details>\n<summary>s</summary>\n\ninside\n\n</details>\n\nafter",
  quotes: "> quoted\n> more\n\n> other\n\ntext",
};

/** Feeds all of a text, and returns its blocks. */
function feedAll(blocks: Blocks, text: string, isLive: boolean): Block[] {
  while (!blocks.feed(text, isLive));
  return blocks.groups.flat();
}

const html = (blocks: readonly Block[]): string =>
  blocks.map((block) => Parser.parse([...block.tokens], options)).join("");

describe.each(Object.entries(SAMPLES))("%s", (_, text) => {
  test("are the same whether they come at once or in pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), (steps) => {
        const blocks = new Blocks();
        let at = 0;
        for (let turn = 0; at < text.length; turn++) {
          at += steps[turn % steps.length] ?? 1;
          feedAll(blocks, text.slice(0, at), true);
        }
        expect(html(feedAll(blocks, text, false))).toBe(marked.parse(text));
      }),
      { numRuns: 60 },
    );
  });

  test("are never split again when they are finished", () => {
    const blocks = new Blocks();
    let before: Block[] = [];
    for (let at = 1; at <= text.length; at++) {
      const now = feedAll(blocks, text.slice(0, at), true);
      before.forEach((block, index) => expect(now[index]).toBe(block));
      before = now;
    }
  });
});

test("a group of finished blocks is the same array for as long as nothing is added to it", () => {
  const text = Array.from({ length: 100 }, (_, index) => `Paragraph ${index}.`).join("\n\n");
  const blocks = new Blocks();
  feedAll(blocks, text, true);
  const [first] = blocks.groups;

  feedAll(blocks, `${text}\n\nAnother.\n\nOne more.`, true);

  expect(blocks.groups[0]).toBe(first);
  expect(blocks.groups.length).toBeGreaterThan(2);
});

test("a text that doesn't continue the earlier one is recognised", () => {
  const blocks = new Blocks();
  feedAll(blocks, "one\n\ntwo", true);

  expect(blocks.continuesAs("one\n\ntwo\n\nthree")).toBe(true);
  expect(blocks.continuesAs("one")).toBe(false);
});

test("a definition at the end gives the links before it their addresses", () => {
  const text = "See [the docs][d], and [d].\n\nMore.\n\n[d]: https://example.org/d\n";

  expect(html(feedAll(new Blocks(), text, false))).toBe(marked.parse(text));
});

describe("a block that has grown long is cut, and loses nothing", () => {
  const lines = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => line(index)).join("\n");

  test.each([
    ["a list", lines(500, (index) => `- item ${index}`), "li", 500],
    ["a numbered list", lines(500, (index) => `${index + 1}. item ${index}`), "li", 500],
    ["a table", `| a | b |\n|---|---|\n${lines(700, (index) => `| ${index} | x |`)}`, "td", 1400],
  ])("%s", (_, text, element, count) => {
    const blocks = feedAll(new Blocks(), text, false);

    expect(blocks.length).toBeGreaterThan(3);
    expect(html(blocks).split(`<${element}`).length - 1).toBe(count);
  });

  test("code, which stays code to its end", () => {
    const code = lines(40_000, (index) => `x = ${index} # **no** emphasis`);
    const blocks = feedAll(new Blocks(), `\`\`\`py\n${code}\n\`\`\`\n\nAfter.`, false);

    expect(blocks.length).toBeGreaterThan(3);
    const tokens = blocks.flatMap((block) => block.tokens);
    expect(tokens.map((token) => token.type).filter((type) => type !== "space")).toEqual([
      ...Array<string>(tokens.filter((token) => token.type === "code").length).fill("code"),
      "paragraph",
    ]);
    const texts = tokens.filter((token) => token.type === "code").map((token) => (token as Tokens.Code).text);
    expect(texts.join("\n")).toBe(code);
  });

  test.each([
    ["words", "word ".repeat(40_000)],
    ["one word", "x".repeat(200_000)],
    ["one word of pairs", "😀".repeat(100_000)],
    ["brackets", "[".repeat(100_000)],
    ["stars", "*a ".repeat(60_000)],
    ["backticks", "`a ".repeat(60_000)],
    ["quotes", "> ".repeat(50_000)],
  ])("%s", (_, text) => {
    const blocks = feedAll(new Blocks(), text, false);

    expect(blocks.length).toBeGreaterThan(3);
    expect(blocks.map((block) => block.raw).join("")).toBe(text);
    expect(blocks.some((block) => /^[\uDC00-\uDFFF]/.test(block.raw))).toBe(false);
  });
});

test.each([
  ["<details>\n<summary>s</summary>\n\none\n\n```js\n</details>\n```\n\n- two\n\n</details>\n\nafter", 2],
  ["<div>\n\n<div>\n\ninner\n\n</div>\n\nouter\n\n</div>\n\nafter", 2],
  ["<details>\n\nnever closed\n\nlast", 1],
  ["before\n\n<b>inline</b>\n\nafter", 3],
  ["<div>one</div>\n\nafter", 2],
])("an element around several blocks is one block: %j", (text, count) => {
  expect(feedAll(new Blocks(), text, false)).toHaveLength(count);
});

test("an element that is never closed doesn't make one block of a long text", () => {
  const text = `<details>\n\n${Array.from({ length: 2_000 }, (_, at) => `Paragraph ${at}.`).join("\n\n")}`;

  expect(feedAll(new Blocks(), text, true).length).toBeGreaterThan(1_000);
});
