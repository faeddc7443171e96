import type { RunStatus } from "@seltzer/client";
import { AlertIcon, AskIcon, CheckIcon, ClockIcon, MinusIcon, RunningIcon } from "../look/icons";
import { useWords, type Words } from "../words";

const ICONS: Readonly<Record<RunStatus, typeof CheckIcon>> = {
  pending: ClockIcon,
  running: RunningIcon,
  success: CheckIcon,
  error: AlertIcon,
  interrupted: AskIcon,
  cancelled: MinusIcon,
};

/** Returns the word for a status. */
export function statusName(words: Words, status: RunStatus): string {
  return {
    pending: words.statusPending,
    running: words.statusRunning,
    success: words.statusSuccess,
    error: words.statusError,
    interrupted: words.statusInterrupted,
    cancelled: words.statusCancelled,
  }[status];
}

/** A run's status: an icon and a word. */
export function StatusMark({ status }: { status: RunStatus }) {
  const words = useWords();
  const Icon = ICONS[status] ?? AskIcon;
  return (
    <span class="run-status" data-status={status}>
      <Icon />
      {statusName(words, status) ?? status}
    </span>
  );
}
