import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import ts from "typescript-eslint";

export default defineConfig(
  globalIgnores(["dist/", "client/dist/", "node_modules/"]),
  js.configs.recommended,
  ts.configs.strict,
  {
    rules: {
      "@typescript-eslint/no-import-type-side-effects": "error", // it would load what only the page has into <agent-chat>
      complexity: ["error", 10],
      "max-lines": ["error", { max: 250, skipBlankLines: true }],
      "max-lines-per-function": ["error", { max: 120, skipBlankLines: true, skipComments: true }],
      "no-restricted-globals": [
        "error",
        { name: "fetch", message: "src/server/server.ts adds the headers: use it." },
        { name: "localStorage", message: "src/look/tastes.ts keeps tastes, and nothing else is kept here." },
      ],
    },
  },
  {
    files: ["src/server/server.ts", "src/look/tastes.ts", "src/embed/memory.ts", "client/**", "test/**"],
    rules: { "no-restricted-globals": "off" },
  },
  { files: ["test/**", "client/test/**"], rules: { "max-lines-per-function": "off" } },
);
