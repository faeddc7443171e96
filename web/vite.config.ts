/** How the page is built: relative addresses only, nothing preloaded, each text file also compressed. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { precompress } from "./build/precompress.ts";

/** The running Seltzer that `npm run dev` sends what isn't the page's own to. */
const SERVER = process.env["SELTZER_URL"] ?? "http://127.0.0.1:8000";

/** Where the server has what index.html loads. */
const FOLDER = "_page";

export default defineConfig({
  base: "./",
  resolve: {
    alias: { "@seltzer/client": fileURLToPath(new URL("client/src/index.ts", import.meta.url)) },
  },
  build: {
    target: "es2022",
    assetsDir: FOLDER,
    assetsInlineLimit: 0, // an inlined font or script would need a looser Content-Security-Policy
    modulePreload: false,
    rolldownOptions: {
      output: {
        // The server takes a file whose name ends so for one that never changes.
        entryFileNames: `${FOLDER}/[name].[hash:8].js`,
        chunkFileNames: `${FOLDER}/[name].[hash:8].js`,
        assetFileNames: `${FOLDER}/[name].[hash:8][extname]`,
      },
    },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 3_000, // the largest, of diagrams, is loaded when one is asked for
  },
  plugins: [precompress()],
  server: {
    proxy: {
      "^/(?!src/|client/|node_modules/|@|\\?|index\\.html|$)": { target: SERVER },
    },
  },
});
