/** Files from a picker, the clipboard or a drop -> attachments. */
import type { AttachmentLimits } from "../server/info";
import type { Attached } from "../state";

export interface Chosen {
  readonly files: readonly Attached[];
  /** The names of those that are too large. */
  readonly refused: readonly string[];
}

/** Reads the files, as far as the server accepts them beside those that are attached already. */
export async function readFiles(
  given: Iterable<File>,
  attached: readonly Attached[],
  limits: AttachmentLimits,
): Promise<Chosen> {
  const files: Attached[] = [];
  const refused: string[] = [];
  let total = attached.reduce((sum, file) => sum + file.url.length, 0);
  for (const file of given) {
    const size = Math.ceil(file.size / 3) * 4;
    if (file.size > limits.limit_bytes || total + size > limits.together_bytes) refused.push(file.name);
    else {
      files.push(await read(file));
      total += size;
    }
  }
  return { files, refused };
}

/** Returns a size as people read it: MiB, with a digit behind the point where it matters. */
export function mebibytes(bytes: number): string {
  const size = bytes / 2 ** 20;
  return size < 10 ? String(Math.floor(size * 10) / 10) : String(Math.floor(size));
}

/** Returns how large the files of a message may be together, before they are sent as base64. */
export const togetherOf = ({ together_bytes: sent }: AttachmentLimits): number => (sent / 4) * 3;

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
