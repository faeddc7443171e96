import { describe, expect, test } from "vitest";
import { marked } from "../../src/markdown/syntax";
import { closed } from "../../src/markdown/unfinished";

describe("what hasn't come yet is closed, or left out", () => {
  test.each([
    ["a **bold", "a **bold**"],
    ["a **bold *both", "a **bold *both***"],
    ["a **", "a "],
    ["a ~~gone", "a ~~gone~~"],
    ["some `code", "some `code`"],
    ["some `", "some "],
    ["some ``co`de", "some ``co`de``"],
    ["**done** and *more", "**done** and *more*"],
    ["`**` isn't bold", "`**` isn't bold"],
    ["2 * 3 and 4 * 5", "2 * 3 and 4 * 5"],
    ["snake_case_name", "snake_case_name"],
    ["\\*not", "\\*not"],
    ["see [the docs", "see [the docs](<>)"],
    ["see [the docs](https://exa", "see [the docs](<>)"],
    ["see ![a cat](https://exa", "see "],
    ["see ![a", "see "],
    ["done [1] too", "done [1] too"],
    ["line<b", "line"],
    ["a < b", "a < b"],
    ["text\n-", "text\n"],
    ["text\n==", "text\n"],
    ["text\n1.", "text\n"],
    ["text\n##", "text\n"],
    ["text\n``", "text\n"],
    ["42", "42"],
    ["- [", ""],
    ["```py\nx = 1\n``", "```py\nx = 1\n"],
    ["```py\nx = '**", "```py\nx = '**"],
    ["~~~\n```\n~~", "~~~\n```\n"],
    ["sum:\n\n$$\nx", "sum:\n\n"],
    ["so \\(x + ", "so "],
    ["| a | b", ""],
    ["| a | b |\n|--", ""],
    ["| a | b |\n|---|---|\n| 1 |", "| a | b |\n|---|---|\n"],
    ["- **a**: x\n- **b", "- **a**: x\n- **b**"],
    ["* item with *stress", "* item with *stress*"],
  ])("%j", (source, shown) => {
    expect(closed(source)).toBe(shown);
  });
});

describe("no sign of the syntax is seen while a text comes", () => {
  test.each([
    ["A **bold** word, an *italic* one and `code`.", /[*`]/],
    ["See [the docs](https://example.org/a_b) and ![a cat](https://example.org/c.png).", /[[\]()]|https/],
    ["Look:\n\n```python\nx = 1\n```\n", /`/],
    ["| a | b |\n|---|--:|\n| 1 | 2 |\n", /[|-]/],
    ["Text\n\n- one\n- two\n", /^-/m],
    ["Text\n\n# Heading\n\nMore", /#/],
    ["Let \\(x^2\\) be\n\n$$\ny\n$$\n", /\$|\\\(/],
  ])("%j", (text, signs) => {
    for (let at = 1; at <= text.length; at++) {
      const seen = (marked.parse(closed(text.slice(0, at))) as string).replace(/<[^>]*>/g, "");
      expect(seen, text.slice(0, at)).not.toMatch(signs);
    }
  });
});
