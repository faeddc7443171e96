import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Trouble } from "../chat/model/trouble";
import { StopIcon } from "../look/icons";
import type { GraphInfo } from "../server/info";
import { useWords } from "../words";
import { Form } from "./Form";
import { fieldOf, initialOf, problemIn } from "./schema";
import { useSchemas } from "./use-schemas";
import "./forms.css";

interface Props {
  readonly graph: GraphInfo;
  readonly isBusy: boolean;
  readonly trouble: Trouble | null;
  readonly onRun: (input: unknown) => void;
  readonly onStop: () => void;
  readonly children: ComponentChildren;
}

/** The input of a graph that isn't on messages. */
export function InputForm({ graph, isBusy, trouble, onRun, onStop, children }: Props) {
  const words = useWords();
  const schemas = useSchemas(graph.path);
  const initial = useMemo(() => schemas && initialOf(fieldOf(schemas.input)), [schemas]);
  const [written, setWritten] = useState<{ readonly value: unknown } | null>(null);
  const value = written ? written.value : initial;
  if (schemas === null) return <p class="note">{words.loading}</p>;
  return (
    <form
      class="composer input-form"
      aria-label={words.input}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy) onRun(value ?? {});
      }}
    >
      <div class="input-form-fields" data-hotkey="m">
        <Form
          schema={schemas.input}
          value={value}
          problem={problemIn(trouble, "input")}
          onChange={(next) => setWritten({ value: next })}
        />
      </div>
      <div class="composer-row">
        {children}
        {isBusy ? (
          <button type="button" class="button composer-send" data-hotkey="Escape" onClick={onStop}>
            <StopIcon />
            {words.stop}
          </button>
        ) : (
          <button type="submit" class="button is-main composer-send">
            {words.runGraph}
          </button>
        )}
      </div>
    </form>
  );
}
