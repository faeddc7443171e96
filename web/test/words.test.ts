import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { en } from "../src/words/en";
import { ja } from "../src/words/ja";
import { zh } from "../src/words/zh";

const SOURCES = join(import.meta.dirname, "..", "src");
const LETTER = /\p{Letter}/u;
/** Attributes that are read by people. */
const READ = new Set([
  "alt",
  "aria-description",
  "aria-label",
  "aria-placeholder",
  "label",
  "placeholder",
  "title",
]);
/** Names, which are the same in every language. */
const NAMES = new Set(["Seltzer"]);

describe.each([
  ["ja", ja],
  ["zh", zh],
])("%s", (_, words) => {
  test.each(Object.keys(en) as (keyof typeof en)[])("has its own words for %s", (key) => {
    const [original, translated] = [shown(en[key]), shown(words[key])];

    expect(translated).not.toBe("");
    expect(translated).not.toBe(original);
  });

  test("puts in whatever English puts in", () => {
    for (const key of Object.keys(en) as (keyof typeof en)[]) {
      const given = [...shown(en[key]).matchAll(/⟨\d⟩/g)].map(String).sort();
      expect([...shown(words[key]).matchAll(/⟨\d⟩/g)].map(String).sort(), key).toEqual(given);
    }
  });
});

test("no string stands twice, in two parts of a language: one would win in silence", () => {
  const parts = readdirSync(join(SOURCES, "words")).filter((name) => /^en(-\w+)?\.ts$/.test(name));
  const keys = parts.flatMap((name) =>
    [...readFileSync(join(SOURCES, "words", name), "utf8").matchAll(/^ {2}(\w+):/gm)].map(
      (found) => found[1],
    ),
  );

  expect(keys.length).toBeGreaterThan(100);
  expect(keys.filter((each, at) => keys.indexOf(each) !== at)).toEqual([]);
});

describe("no string that people read stands in a component", () => {
  const components = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".tsx"),
  );

  test.each(components)("%s", (name) => {
    expect(strings(name, readFileSync(join(SOURCES, name), "utf8"))).toEqual([]);
  });

  test.each([
    ["<p>Hello</p>", ["Hello"]],
    ['<p>{"Hello"}</p>', ["Hello"]],
    ["<p>{n > 1 ? `many` : words.one}</p>", ["many"]],
    ['<a title="Back" class="link">{name}</a>', ["Back"]],
    ["<a aria-label={`Back to ${name}`} />", ["Back to "]],
    ["<p>{name} · 1</p>", []],
  ])("the lint finds them in %s", (source, found) => {
    expect(strings("sample.tsx", source)).toEqual(found);
  });
});

/** Returns what the reader sees of an entry, with marks in place of what is put into it. */
function shown(entry: unknown): string {
  if (typeof entry === "object") return JSON.stringify(entry);
  return typeof entry === "function" ? String(entry("⟨0⟩", "⟨1⟩", "⟨2⟩")) : String(entry);
}

/** Returns the texts of a component's source that a reader would see. */
function strings(name: string, source: string): string[] {
  const found: string[] = [];
  const add = (text: string) => {
    if (LETTER.test(text) && !NAMES.has(text.trim())) found.push(text);
  };
  const addParts = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) add(node.text);
    else if (ts.isTemplateExpression(node)) {
      for (const part of [node.head, ...node.templateSpans.map((span) => span.literal)]) add(part.text);
    } else if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach(addParts);
    else if (ts.isBinaryExpression(node)) addParts(node.right);
    else if (ts.isParenthesizedExpression(node)) addParts(node.expression);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node)) add(node.text);
    else if (ts.isJsxExpression(node) && node.expression && !ts.isJsxAttribute(node.parent))
      addParts(node.expression);
    else if (ts.isJsxAttribute(node) && READ.has(node.name.getText()) && node.initializer) {
      const value = ts.isJsxExpression(node.initializer) ? node.initializer.expression : node.initializer;
      if (value) addParts(value);
    }
    node.forEachChild(visit);
  };
  visit(ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX));
  return found;
}
