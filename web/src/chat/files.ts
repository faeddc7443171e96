/** Files from a picker, the clipboard or a drop -> attachments. */
import type { Attached } from "../state";

/** The server's own limits, unless it was given others: it refuses what it doesn't accept. */
export const FILE_LIMIT_BYTES = 5 * 2 ** 20;
export const FILES_LIMIT_BYTES = 8 * 2 ** 20; // together, as base64

export interface Chosen {
  readonly files: readonly Attached[];
  /** The names of those that are too large. */
  readonly refused: readonly string[];
}

/** Reads the files, as far as they fit with those that are attached already. */
export async function readFiles(given: Iterable<File>, attached: readonly Attached[]): Promise<Chosen> {
  const files: Attached[] = [];
  const refused: string[] = [];
  let total = attached.reduce((sum, file) => sum + file.url.length, 0);
  for (const file of given) {
    const size = Math.ceil(file.size / 3) * 4;
    if (file.size > FILE_LIMIT_BYTES || total + size > FILES_LIMIT_BYTES) refused.push(file.name);
    else {
      files.push(await read(file));
      total += size;
    }
  }
  return { files, refused };
}

function kindOf(mime: string): Attached["kind"] {
  return (["image", "audio", "video"] as const).find((kind) => mime.startsWith(`${kind}/`)) ?? "file";
}

function read(file: File): Promise<Attached> {
  const mime = file.type || "application/octet-stream";
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () =>
      resolve({ kind: kindOf(mime), name: file.name, mime, url: typed(String(reader.result), mime) });
    reader.onerror = () => reject(reader.error ?? new Error(file.name));
    reader.readAsDataURL(file);
  });
}

/** A file without a type has none in its URL either. */
function typed(url: string, mime: string): string {
  return `data:${mime};base64,${url.slice(url.indexOf(",") + 1)}`;
}
