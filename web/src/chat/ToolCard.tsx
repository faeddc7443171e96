import { AlertIcon, CheckIcon, ToolIcon } from "../look/icons";
import { useWords, type Words } from "../words";
import { Fold } from "./Fold";
import { Files } from "./Files";
import { CodeBox } from "./CodeBox";
import { memo } from "./memo";
import { filesOf, isObject, jsonIn, pretty, textOf, type ToolCall } from "../state";
import { secondsBetween } from "./time";

type Status = "running" | "waiting" | "success" | "error";

const SUMMARY_CHARS = 80;

interface Props {
  readonly call: ToolCall;
  /** Whether its run goes on. */
  readonly isOpen: boolean;
}

/** A tool's call: what it was called with, and what it has answered. */
export const ToolCard = memo<Props>(function ToolCard({ call, isOpen }) {
  const words = useWords();
  const status: Status = call.status === "called" ? (isOpen ? "running" : "waiting") : call.status;
  const args = jsonIn(call.args);
  const text = resultText(call.result);
  const files = filesOf(call.result);
  return (
    <div class="tool" data-status={status}>
      <Fold
        icon={<StatusIcon status={status} words={words} />}
        title={call.name || words.tool}
        note={[summary(args), secondsNote(words, call)].filter(Boolean).join(" · ")}
        tone={status === "error" ? "danger" : undefined}
      >
        <Details call={call} status={status} args={args} text={text} />
      </Fold>
      <Files files={files} />
    </div>
  );
});

interface DetailsProps {
  readonly call: ToolCall;
  readonly status: Status;
  readonly args: unknown;
  readonly text: string;
}

function Details({ call, status, args, text }: DetailsProps) {
  const words = useWords();
  return (
    <>
      {call.args && call.args !== "{}" && (
        <CodeBox label={words.arguments} text={args === undefined ? call.args : pretty(args)} />
      )}
      {isAnswered(status) && <CodeBox label={status === "error" ? words.error : words.result} text={text} />}
      {status === "waiting" && <p class="note">{words.toolWaiting}</p>}
    </>
  );
}

function StatusIcon({ status, words }: { status: Status; words: Words }) {
  const [Icon, label] = {
    running: [ToolIcon, words.toolRunning],
    success: [CheckIcon, words.toolDone],
    error: [AlertIcon, words.toolFailed],
    waiting: [ToolIcon, words.toolWaiting],
  }[status] as [typeof ToolIcon, string];
  return (
    <span class="tool-status" data-status={status}>
      {status === "running" ? <span class="spinner" aria-hidden="true" /> : <Icon />}
      <span class="unseen">{label}</span>
    </span>
  );
}

const isAnswered = (status: Status): boolean => status === "success" || status === "error";

function secondsNote(words: Words, call: ToolCall): string {
  const took = secondsBetween(call.calledAt, call.endedAt);
  return took === null ? "" : words.tookSeconds(took);
}

/** Returns the arguments in a line, for a card that is folded. */
function summary(args: unknown): string {
  if (!isObject(args)) return "";
  const values = Object.values(args).map((value) =>
    typeof value === "string" ? value : JSON.stringify(value),
  );
  const line = values.join(", ").replace(/\s+/g, " ");
  return line.length > SUMMARY_CHARS ? `${line.slice(0, SUMMARY_CHARS)}…` : line;
}

function resultText(result: unknown): string {
  const text = textOf(result);
  if (text) {
    const value = jsonIn(text);
    return typeof value === "object" && value !== null ? pretty(value) : text;
  }
  return Array.isArray(result) && filesOf(result).length > 0 ? "" : pretty(result);
}
