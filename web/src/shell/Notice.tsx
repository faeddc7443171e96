import { AlertIcon } from "../look/icons";

interface Props {
  readonly text: string;
  readonly detail?: string | undefined;
  readonly action?: string;
  readonly onAction?: () => void;
}

/** Something the reader should know, and what they can do about it. */
export function Notice({ text, detail, action, onAction }: Props) {
  return (
    <div class="notice" role="status">
      <AlertIcon />
      <p>
        {text}
        {detail && <span class="note"> {detail}</span>}
      </p>
      {action && (
        <button type="button" class="button" onClick={onAction}>
          {action}
        </button>
      )}
    </div>
  );
}
