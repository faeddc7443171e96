import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

const TEXT = /\.(html|js|css|svg|json)$/;
const LARGE_BYTES = 512 * 1024; // above it the best compression takes longer than the whole build
const LEAST_BYTES = 1024; // below it a compressed file gains nothing

const gzipped = (bytes: Buffer) => promisify(gzip)(bytes, { level: 9 });
const brotlied = (bytes: Buffer) =>
  promisify(brotliCompress)(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: bytes.length > LARGE_BYTES ? 9 : 11 },
  });

/** Writes a .gz and a .br beside each text file, for the server to send as they are. */
export function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    // Not closeBundle, which is called after a failed build too: its error would hide that one.
    async writeBundle({ dir: folder = "" }) {
      for (const name of await readdir(folder, { recursive: true })) {
        if (!TEXT.test(name)) continue;
        const file = join(folder, name);
        const bytes = await readFile(file);
        if (bytes.length < LEAST_BYTES) continue;
        await Promise.all([
          writeFile(`${file}.gz`, await gzipped(bytes)),
          writeFile(`${file}.br`, await brotlied(bytes)),
        ]);
      }
    },
  };
}
