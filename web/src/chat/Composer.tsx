import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Json } from "@seltzer/client";
import { ArrowUpIcon, PaperclipIcon, StopIcon } from "../look/icons";
import type { AttachmentLimits } from "../server/info";
import { useWords } from "../words";
import type { Draft } from "./drafts";
import type { ChangeDraft } from "./use-draft";
import { Files } from "./Files";
import { mebibytes, readFiles, togetherOf } from "./files";
import { useHost } from "./host";
import { useDrop } from "./use-drop";
import { isPlainEnter } from "./keys";
import { inputOf } from "./message";
import type { Question } from "./model/turn";

interface Props {
  readonly draft: Draft;
  readonly limits: AttachmentLimits;
  readonly isBusy: boolean;
  readonly isStopping: boolean;
  /** Whether the graph waits for an answer above. */
  readonly isAsking: boolean;
  readonly onDraft: ChangeDraft;
  readonly onAsk: (input: Json, question: Question) => void;
  readonly onStop: () => void;
  readonly children: ComponentChildren;
}

/** Where a message is written. Enter sends it, but not while an input method composes; Shift+Enter breaks. */
export function Composer(props: Props) {
  const { draft, limits, isBusy, isAsking, onDraft, onAsk, children } = props;
  const words = useWords();
  const host = useHost();
  const field = useRef<HTMLTextAreaElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [refused, setRefused] = useState<readonly string[]>([]);
  const [readings, setReadings] = useState(0); // how many times files are being read just now
  const canSend = !isBusy && readings === 0 && (Boolean(draft.text.trim()) || draft.files.length > 0);

  const send = () => {
    if (!canSend) return;
    const { input, question } = inputOf(draft.text, draft.files);
    onAsk(input, question);
    field.current?.focus();
  };
  const attach = async (given: FileList | null | undefined) => {
    if (!given || given.length === 0) return;
    setReadings((count) => count + 1);
    const chosen = await readFiles([...given], draft.files, limits).finally(() =>
      setReadings((count) => count - 1),
    );
    setRefused(chosen.refused);
    onDraft((before) => ({ ...before, files: [...before.files, ...chosen.files] }));
    field.current?.focus();
  };

  const stop = () => {
    props.onStop();
    field.current?.focus(); // the button that had the focus is gone when the answer has stopped
  };
  const isTarget = useDrop(form, (files) => void attach(files));

  return (
    <form
      ref={form}
      class="composer"
      data-target={isTarget}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Files
        files={draft.files}
        onRemove={(at) =>
          onDraft((before) => ({ ...before, files: before.files.filter((_, index) => index !== at) }))
        }
      />
      {refused.length > 0 && (
        <p class="note is-danger" role="alert">
          {words.filesTooLarge(
            refused.join(", "),
            mebibytes(limits.limit_bytes),
            mebibytes(togetherOf(limits)),
          )}
        </p>
      )}
      <textarea
        ref={field}
        class="composer-field"
        data-hotkey="m"
        dir="auto"
        rows={1}
        enterkeyhint="send"
        aria-label={words.message}
        placeholder={isAsking ? words.messageOrAnswer : (host.placeholder ?? words.messagePlaceholder)}
        value={draft.text}
        onInput={(event) => {
          const text = event.currentTarget.value;
          onDraft((before) => ({ ...before, text }));
        }}
        onPaste={(event) => {
          const files = event.clipboardData?.files;
          if (!files || files.length === 0) return;
          event.preventDefault();
          void attach(files);
        }}
        onKeyDown={(event) => {
          if (!isPlainEnter(event)) return;
          event.preventDefault();
          send();
        }}
      />
      <div class="composer-row">
        <Picker onPick={attach} />
        {children}
        <SendOrStop {...props} onStop={stop} canSend={canSend} />
      </div>
    </form>
  );
}

function Picker({ onPick }: { onPick: (files: FileList | null) => Promise<void> }) {
  const words = useWords();
  return (
    <label class="button is-quiet is-icon" title={words.attach}>
      <input
        type="file"
        class="unseen"
        multiple
        aria-label={words.attach}
        onChange={(event) => {
          const picker = event.currentTarget;
          void onPick(picker.files).then(() => {
            picker.value = "";
          });
        }}
      />
      <PaperclipIcon />
    </label>
  );
}

function SendOrStop({ isBusy, isStopping, onStop, canSend }: Props & { canSend: boolean }) {
  const words = useWords();
  if (isBusy) {
    return (
      <button
        type="button"
        class="button is-icon is-round is-main composer-send"
        data-hotkey="Escape"
        aria-label={words.stop}
        title={words.stop}
        disabled={isStopping}
        onClick={onStop}
      >
        <StopIcon />
      </button>
    );
  }
  return (
    <button
      type="submit"
      class="button is-icon is-round is-main composer-send"
      aria-label={words.send}
      title={words.send}
      disabled={!canSend}
    >
      <ArrowUpIcon />
    </button>
  );
}
