/** How `<agent-chat>` is built: one module under a name that stays, which loads the rest from beside it. */
import { defineConfig } from "vite";
import { precompress } from "./build/precompress.ts";
import { sheets } from "./build/sheets.ts";
import page from "./vite.config.ts";

export default defineConfig({
  base: "./",
  ...(page.resolve ? { resolve: page.resolve } : {}),
  build: {
    ...page.build,
    assetsDir: "",
    rolldownOptions: {
      input: { "agent-chat": "src/embed/index.ts" },
      preserveEntrySignatures: "strict",
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].[hash:8].js",
        assetFileNames: "[name].[hash:8][extname]",
      },
    },
  },
  plugins: [sheets(), precompress()],
});
