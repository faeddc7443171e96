import { AlertIcon, CheckIcon, ToolIcon } from "../look/icons";
import { useWords, type Words } from "../words";
import { Fold } from "./Fold";
import { Files } from "./Files";
import { CodeBox } from "./CodeBox";
import type { ToolBlock } from "./model/blocks";
import { isRecord, parsed, pretty } from "./model/json";
import { filesOf, textOf } from "./model/parts";
import { secondsOf } from "./time";

const SUMMARY_CHARS = 80;

/** A tool's call: what it was called with, and what it has answered. */
export function ToolCard({ block, isOpen }: { block: ToolBlock; isOpen: boolean }) {
  const words = useWords();
  const status = block.status === "running" && !isOpen ? "waiting" : block.status;
  const args = parsed(block.args);
  const text = resultText(block.result);
  const files = filesOf(block.result);
  return (
    <div class="tool" data-status={status}>
      <Fold
        icon={<StatusIcon status={status} words={words} />}
        title={block.name || words.tool}
        note={[summary(args), secondsNote(words, block)].filter(Boolean).join(" · ")}
        tone={block.status === "error" ? "danger" : undefined}
      >
        <Details block={block} args={args} text={text} />
      </Fold>
      <Files files={files} />
    </div>
  );
}

function Details({ block, args, text }: { block: ToolBlock; args: unknown; text: string }) {
  const words = useWords();
  return (
    <>
      {block.args !== "{}" && (
        <CodeBox label={words.arguments} text={args === undefined ? block.args : pretty(args)} />
      )}
      {block.result !== undefined && (
        <CodeBox label={block.status === "error" ? words.error : words.result} text={text} />
      )}
      {block.status === "waiting" && <p class="note">{words.toolWaiting}</p>}
    </>
  );
}

function StatusIcon({ status, words }: { status: ToolBlock["status"]; words: Words }) {
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

function secondsNote(words: Words, block: ToolBlock): string {
  const took = secondsOf(block.time);
  return took === null ? "" : words.tookSeconds(took);
}

/** Returns the arguments in a line, for a card that is folded. */
function summary(args: unknown): string {
  if (!isRecord(args)) return "";
  const values = Object.values(args).map((value) =>
    typeof value === "string" ? value : JSON.stringify(value),
  );
  const line = values.join(", ").replace(/\s+/g, " ");
  return line.length > SUMMARY_CHARS ? `${line.slice(0, SUMMARY_CHARS)}…` : line;
}

function resultText(result: unknown): string {
  const text = textOf(result);
  if (text) {
    const value = parsed(text);
    return typeof value === "object" && value !== null ? pretty(value) : text;
  }
  return Array.isArray(result) && filesOf(result).length > 0 ? "" : pretty(result);
}
