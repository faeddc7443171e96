import { useEffect, useState } from "preact/hooks";
import { CodeIcon, SlidersIcon } from "../look/icons";
import { lazy } from "../shell/lazy";
import { useWords } from "../words";
import type { ToolsProps } from "./host";

const CallSheet = lazy(async () => (await import("./CallSheet")).CallSheet);
const ExtrasSheet = lazy(async () => (await import("../forms/ExtrasSheet")).ExtrasSheet);

/** What is beside the message: the graph's context and config, and the call that does the same. */
export function Tools({ graph, shown, draft }: ToolsProps) {
  const words = useWords();
  const [sheet, setSheet] = useState<"call" | "extras" | null>(null);
  const { trouble } = shown;
  const isInExtras = trouble !== null && /^(context|config)\b/.test(trouble.field);
  useEffect(() => {
    if (isInExtras) setSheet("extras"); // where what was refused can be put right
  }, [trouble]);
  const close = () => setSheet(null);
  return (
    <>
      <button
        type="button"
        class="button is-quiet is-icon"
        aria-label={words.extras}
        title={words.extras}
        onClick={() => setSheet("extras")}
      >
        <SlidersIcon />
      </button>
      <button
        type="button"
        class="button is-quiet is-icon"
        aria-label={words.callTitle}
        title={words.callTitle}
        onClick={() => setSheet("call")}
      >
        <CodeIcon />
      </button>
      {sheet === "call" && <CallSheet graph={graph} shown={shown} draft={draft} onClose={close} />}
      {sheet === "extras" && (
        <ExtrasSheet graph={graph} trouble={isInExtras ? trouble : null} onClose={close} />
      )}
    </>
  );
}
