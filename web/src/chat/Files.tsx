import { CloseIcon, FileIcon } from "../look/icons";
import { useWords } from "../words";
import type { Attached } from "../state";

interface Props {
  readonly files: readonly Attached[];
  readonly onRemove?: (at: number) => void;
}

/** The files of a message. What isn't in the message itself is a link: nothing is loaded from elsewhere. */
export function Files({ files, onRemove }: Props) {
  const words = useWords();
  if (files.length === 0) return null;
  return (
    <ul class="files">
      {files.map((file, at) => {
        const name = file.name || nameOf(file, words.file);
        return (
          <li key={`${at} ${file.name}`} class="file">
            <FileBody file={file} name={name} />
            {onRemove && (
              <button
                type="button"
                class="button is-icon is-round file-remove"
                aria-label={words.removeFile(name)}
                onClick={() => onRemove(at)}
              >
                <CloseIcon />
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function FileBody({ file, name }: { file: Attached; name: string }) {
  const isHere = file.url.startsWith("data:");
  if (isHere && file.kind === "image") return <img class="file-image" src={file.url} alt={name} />;
  return (
    <span class="file-chip">
      <FileIcon />
      {!isHere && /^https?:/.test(file.url) ? (
        <a href={file.url} rel="noreferrer noopener" target="_blank">
          {file.url}
        </a>
      ) : (
        <span dir="auto">{name}</span>
      )}
    </span>
  );
}

function nameOf(file: Attached, fallback: string): string {
  return file.mime || fallback;
}
