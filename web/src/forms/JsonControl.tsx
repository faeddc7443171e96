import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { jsonIn } from "../state";
import { useWords } from "../words";

/** Any JSON; what isn't JSON yet isn't passed on, and the form around it isn't sent. */
export function JsonControl({
  value,
  onChange,
  id,
  described,
}: {
  value: unknown;
  onChange: (value: unknown) => void;
  id: string;
  described: string;
}) {
  const words = useWords();
  const [text, setText] = useState(() => (value === undefined ? "" : (JSON.stringify(value, null, 2) ?? "")));
  const isBroken = text.trim() !== "" && jsonIn(text) === undefined;
  const place = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => place.current?.setCustomValidity(isBroken ? words.notJson : ""), [isBroken, words]);
  return (
    <>
      <textarea
        ref={place}
        id={id}
        class="field is-code"
        rows={3}
        spellcheck={false}
        dir="ltr"
        aria-invalid={isBroken}
        aria-describedby={described || undefined}
        value={text}
        onInput={(event) => {
          const next = event.currentTarget.value;
          setText(next);
          if (next.trim() === "") onChange(undefined);
          else if (jsonIn(next) !== undefined) onChange(jsonIn(next));
        }}
      />
      {isBroken && <p class="field-problem">{words.notJson}</p>}
    </>
  );
}
