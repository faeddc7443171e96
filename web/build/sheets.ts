import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const PREFIX = "\0sheet:";
const ADD = fileURLToPath(new URL("../src/embed/sheets.ts", import.meta.url));
const ROOT_FONT_PX = 16;

/** Tokens that a page may set, and those that follow from them. */
const THEMED: Readonly<Record<string, (value: string) => string>> = {
  accent: (value) => `var(--agent-chat-accent, ${value})`,
  "accent-hover": () => "color-mix(in oklab, var(--accent) 84%, var(--ink))",
  "accent-soft": () => "color-mix(in oklab, var(--accent) 13%, var(--back))",
  "on-accent": (value) => `var(--agent-chat-on-accent, ${value})`,
  back: (value) => `var(--agent-chat-background, ${value})`,
  ink: (value) => `var(--agent-chat-color, ${value})`,
  font: (value) => `var(--agent-chat-font, ${value})`,
  radius: (value) => `var(--agent-chat-radius, ${value})`,
  "radius-sm": () => "calc(var(--radius) * 0.6)",
  "radius-lg": () => "calc(var(--radius) * 1.6)",
};

/** Makes each CSS file a module that adds it to the style sheets of `<agent-chat>`. */
export function sheets(): Plugin {
  return {
    name: "sheets",
    enforce: "pre",
    async resolveId(source, importer) {
      if (!source.endsWith(".css")) return null;
      const found = await this.resolve(source, importer, { skipSelf: true });
      return found && `${PREFIX}${found.id}.js`;
    },
    async load(id) {
      if (!id.startsWith(PREFIX)) return null;
      const css = scoped(await readFile(id.slice(PREFIX.length, -".js".length), "utf8"));
      const code = `import { addSheet } from ${JSON.stringify(ADD)};\naddSheet(${JSON.stringify(css)});\n`;
      return { code, moduleSideEffects: true };
    },
  };
}

/**
 * Returns the page's CSS for a shadow root in another page: the element `.agent-chat` stands for the root and the
 * body, its width for the window's, and a length that the page can't change for the root's font.
 */
export function scoped(css: string): string {
  return css
    .replace(/\/\*[^]*?\*\//g, "")
    .replace(/\s+/g, " ")
    .replace(/:root\b|(?<![\w.#-])body(?=\s*[,{])/g, ".agent-chat")
    .replace(/@media \((min|max)-width: ([\d.]+)rem\)/g, (_, bound: string, rem: string) => {
      return `@container agent-chat (${bound}-width: ${Number(rem) * ROOT_FONT_PX}px)`;
    })
    .replace(/(?<![\w-])(-?[\d.]+)rem\b/g, "calc($1 * var(--rem))")
    .replace(/--([\w-]+): ([^;]+);/g, (whole, name: string, value: string) => {
      const themed = THEMED[name];
      return themed ? `--${name}: ${themed(value)};` : whole;
    })
    .trim();
}
