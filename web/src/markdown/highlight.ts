/** Colours for code: a library and languages that are loaded when a text has some. */
import DOMPurify from "dompurify";
import type { HLJSApi, LanguageFn } from "highlight.js";
import { codeText } from "./code";

type Loader = () => Promise<{ default: LanguageFn }>;

const LOAD: Readonly<Record<string, Loader>> = {
  bash: () => import("highlight.js/lib/languages/bash"),
  c: () => import("highlight.js/lib/languages/c"),
  cpp: () => import("highlight.js/lib/languages/cpp"),
  csharp: () => import("highlight.js/lib/languages/csharp"),
  css: () => import("highlight.js/lib/languages/css"),
  diff: () => import("highlight.js/lib/languages/diff"),
  dockerfile: () => import("highlight.js/lib/languages/dockerfile"),
  go: () => import("highlight.js/lib/languages/go"),
  graphql: () => import("highlight.js/lib/languages/graphql"),
  ini: () => import("highlight.js/lib/languages/ini"),
  java: () => import("highlight.js/lib/languages/java"),
  javascript: () => import("highlight.js/lib/languages/javascript"),
  json: () => import("highlight.js/lib/languages/json"),
  kotlin: () => import("highlight.js/lib/languages/kotlin"),
  lua: () => import("highlight.js/lib/languages/lua"),
  makefile: () => import("highlight.js/lib/languages/makefile"),
  markdown: () => import("highlight.js/lib/languages/markdown"),
  php: () => import("highlight.js/lib/languages/php"),
  python: () => import("highlight.js/lib/languages/python"),
  r: () => import("highlight.js/lib/languages/r"),
  ruby: () => import("highlight.js/lib/languages/ruby"),
  rust: () => import("highlight.js/lib/languages/rust"),
  scss: () => import("highlight.js/lib/languages/scss"),
  shell: () => import("highlight.js/lib/languages/shell"),
  sql: () => import("highlight.js/lib/languages/sql"),
  swift: () => import("highlight.js/lib/languages/swift"),
  typescript: () => import("highlight.js/lib/languages/typescript"),
  xml: () => import("highlight.js/lib/languages/xml"),
  yaml: () => import("highlight.js/lib/languages/yaml"),
};

const ALIASES: Readonly<Record<string, string>> = {
  ...{ "c++": "cpp", "c#": "csharp", cs: "csharp", docker: "dockerfile", golang: "go", gql: "graphql" },
  ...{ h: "c", hpp: "cpp", html: "xml", js: "javascript", json5: "json", jsonc: "json", jsonl: "json" },
  ...{ jsx: "javascript", kt: "kotlin", make: "makefile", md: "markdown", mjs: "javascript", patch: "diff" },
  ...{ py: "python", python3: "python", rb: "ruby", rs: "rust", sh: "bash", svg: "xml", toml: "ini" },
  ...{ ts: "typescript", tsx: "typescript", vue: "xml", yml: "yaml", zsh: "bash", console: "shell" },
};

/** More isn't coloured: it would take longer than a frame may. */
const LONGEST = 20_000;

let library: Promise<HLJSApi> | undefined;
const languages = new Map<string, Promise<boolean>>();

/** Colours a code block of a known language. What can't be loaded stays as it is. */
export async function highlight(frame: HTMLElement): Promise<void> {
  const named = frame.dataset["language"] ?? "";
  const language = ALIASES[named] ?? named;
  const code = frame.querySelector("code");
  const text = codeText(frame);
  if (!code || !Object.hasOwn(LOAD, language) || text.length > LONGEST) return;
  library ??= import("highlight.js/lib/core").then((module) => module.default);
  const hljs = await library;
  if (!(await loaded(hljs, language)) || !code.isConnected) return;
  const html = hljs.highlight(text, { language, ignoreIllegals: true }).value;
  code.replaceChildren(
    DOMPurify.sanitize(html, {
      ALLOWED_TAGS: ["span"],
      ALLOWED_ATTR: ["class"],
      RETURN_DOM_FRAGMENT: true,
    }),
  );
}

function loaded(hljs: HLJSApi, language: string): Promise<boolean> {
  let found = languages.get(language);
  if (found === undefined) {
    found = (LOAD[language] as Loader)().then((module) => {
      hljs.registerLanguage(language, module.default);
      return true;
    });
    languages.set(language, found);
  }
  return found;
}
