import { useEffect, useState } from "preact/hooks";
import { CheckIcon, CopyIcon } from "../look/icons";
import { useWords } from "../words";
import { copyText } from "./clipboard";

/** Copies a text, and shows that it has. text: what is long is made when it is copied. */
export function CopyButton({ text, label }: { text: string | (() => string); label: string }) {
  const words = useWords();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 1_600);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const name = isCopied ? words.copied : label;
  return (
    <button
      type="button"
      class="button is-quiet is-icon"
      aria-label={name}
      title={name}
      onClick={() => void copyText(typeof text === "string" ? text : text()).then(setCopied)}
    >
      {isCopied ? <CheckIcon /> : <CopyIcon />}
    </button>
  );
}
