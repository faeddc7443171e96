// @vitest-environment jsdom
import { describe, expect, test } from "vitest";
import { build } from "../../src/markdown/build";
import { codeText } from "../../src/markdown/code";
import { marked } from "../../src/markdown/syntax";
import { en } from "../../src/words/en";
import { HOSTILE } from "./hostile";

function shown(text: string): HTMLElement {
  const host = document.createElement("div");
  host.append(build(marked.lexer(text), en));
  return host;
}

const MAY = new Set(
  (
    "align alt aria-label checked class colspan data-action data-language data-math dir disabled href " +
    "lang open rel role rowspan scope src start tabindex target title type"
  ).split(" "),
);
const CLASSES = /^(?:code-(?:action|bar|frame|language)|piece|table-frame|tasks|)$/;

describe("a hostile text", () => {
  test.each(HOSTILE)("%s", (text) => {
    for (const element of shown(text).querySelectorAll("*")) {
      expect(element.namespaceURI).toBe("http://www.w3.org/1999/xhtml");
      expect(element.localName).not.toMatch(
        /^(?:script|style|iframe|object|embed|form|link|meta|base|template|svg|video|audio)$/,
      );
      for (const { name, value } of element.attributes) {
        expect(MAY, `${name}=${value}`).toContain(name);
        if (name === "href") expect(value).toMatch(/^(?:https?:\/\/|mailto:)/i);
        if (name === "src") expect(value).toMatch(/^data:image\/(?:png|jpeg|gif|webp|avif);base64,/);
        if (name === "class") expect(value).toMatch(CLASSES);
      }
      if (element.localName === "button") expect(element.closest(".code-bar")).not.toBeNull();
      if (element.localName === "a" && element.hasAttribute("href")) {
        expect(element.getAttribute("rel")).toBe("noopener noreferrer nofollow");
        expect(element.getAttribute("target")).toBe("_blank");
      }
    }
  });
});

test("a remote image is a link, one in the text itself is shown", () => {
  const host = shown(
    "![a cat](https://example.org/cat.png) ![dot](data:image/png;base64,AAAA)<img src=x alt=y>",
  );

  expect(host.querySelector("a")?.textContent).toBe("a cat");
  expect(host.querySelectorAll("img")).toHaveLength(0);
  expect(shown('<img src="data:image/png;base64,AAAA" alt="dot">').querySelector("img")?.alt).toBe("dot");
});

test("tables scroll, tasks have boxes that can't be used, texts find their direction", () => {
  const host = shown("| a |\n|---|\n| שלום |\n\n- [x] done\n- [ ] open");

  expect(host.querySelector(".table-frame")?.getAttribute("tabindex")).toBe("0");
  expect(host.querySelector("td")?.dir).toBe("auto");
  expect(host.querySelector("table")?.dir).toBe("");
  expect(shown("| א |\n|---|\n| a |").querySelector("table")?.dir).toBe("rtl");
  expect(shown("1. שלום\n\n   > a").querySelector("[dir] [dir]")).toBe(null);
  const boxes = [...host.querySelectorAll<HTMLInputElement>(".tasks input")];
  expect(boxes.map((box) => [box.checked, box.disabled])).toEqual([
    [true, true],
    [false, true],
  ]);
});

test("code has its language and its text as it is, however long, in lists too", () => {
  const code = Array.from({ length: 130 }, (_, index) => (index % 3 ? `  line ${index} <b>` : "")).join("\n");
  const host = shown(`\`\`\`Python title="x"\n${code}\n\`\`\`\n\n- item\n\n  \`\`\`js\n  let x\n  \`\`\`\n`);

  const [first, second] = host.querySelectorAll<HTMLElement>(".code-frame");
  expect(first?.dataset["language"]).toBe("python");
  expect(first && codeText(first)).toBe(code);
  expect(second?.dataset["language"]).toBe("js");
  expect(second && codeText(second)).toBe("let x");
});

test("raw <pre> doesn't take the language of the code after it", () => {
  const host = shown("<pre><code>raw</code></pre>\n\n```js\nlet x\n```");

  expect([...host.querySelectorAll<HTMLElement>(".code-frame")].map(codeText)).toEqual(["raw", "let x"]);
});

describe("math", () => {
  test.each([
    ["$x^2$", ["x^2"]],
    ["it costs $5 and $6", []],
    ["\\(a\\) and \\[b\\]", ["a", "b"]],
    ["$$\na\n\nb\n$$", ["a\n\nb"]],
    ["`$x$`", []],
    ["$<b>$", ["<b>"]],
  ])("%j", (text, found) => {
    expect([...shown(text).querySelectorAll("code[data-math]")].map((each) => each.textContent)).toEqual(
      found,
    );
  });
});
