import { useState } from "preact/hooks";
import { extraValues, keepExtraValues } from "../chat/extras";
import { isObject } from "../state";
import type { Trouble } from "../chat/model/trouble";
import { Sheet } from "../chat/Sheet";
import type { GraphInfo } from "../server/info";
import { useWords } from "../words";
import { Form } from "./Form";
import { fieldOf, initialOf, problemIn } from "./schema";
import { useSchemas } from "./use-schemas";
import "./forms.css";

interface Props {
  readonly graph: GraphInfo;
  /** What the server has refused of them. */
  readonly trouble: Trouble | null;
  readonly onClose: () => void;
}

/** The context and the configurable values of a graph's runs. */
export function ExtrasSheet({ graph, trouble, onClose }: Props) {
  const words = useWords();
  const schemas = useSchemas(graph.path);
  const [values, setValues] = useState(() => extraValues(graph.path));
  const change = (name: "context" | "configurable", value: unknown) => {
    const next = { ...values, [name]: isObject(value) ? value : {} };
    setValues(next);
    keepExtraValues(graph.path, next);
  };
  return (
    <Sheet title={words.extras} onClose={onClose}>
      <p class="note">{words.extrasNote(graph.name)}</p>
      {schemas === null && <p class="note">{words.loading}</p>}
      {schemas && isObject(schemas.context) && (
        <section class="sheet-part">
          <h3>{words.context}</h3>
          <Form
            schema={schemas.context}
            value={
              Object.keys(values.context).length > 0 ? values.context : initialOf(fieldOf(schemas.context))
            }
            problem={problemIn(trouble, "context")}
            onChange={(next) => change("context", next)}
          />
        </section>
      )}
      {schemas && (
        <section class="sheet-part">
          <h3>{words.configurable}</h3>
          <p class="note">{words.configurableNote}</p>
          <Form
            schema={{}}
            value={Object.keys(values.configurable).length > 0 ? values.configurable : undefined}
            problem={problemIn(trouble, "config.configurable") ?? problemIn(trouble, "config")}
            onChange={(next) => change("configurable", next)}
          />
        </section>
      )}
    </Sheet>
  );
}
