import { useState } from "preact/hooks";
import { extraValues, keepExtraValues } from "../chat/extras";
import { isRecord } from "../chat/model/json";
import { Sheet } from "../chat/Sheet";
import type { GraphInfo } from "../server/info";
import { useWords } from "../words";
import { Form } from "./Form";
import { useSchemas } from "./use-schemas";
import "./forms.css";

/** The context and the configurable values of a graph's runs. */
export function ExtrasSheet({ graph, onClose }: { graph: GraphInfo; onClose: () => void }) {
  const words = useWords();
  const schemas = useSchemas(graph.path);
  const [values, setValues] = useState(() => extraValues(graph.path));
  const change = (name: "context" | "configurable", value: unknown) => {
    const next = { ...values, [name]: isRecord(value) ? value : {} };
    setValues(next);
    keepExtraValues(graph.path, next);
  };
  return (
    <Sheet title={words.extras} onClose={onClose}>
      <p class="note">{words.extrasNote(graph.name)}</p>
      {schemas === null && <p class="note">{words.loading}</p>}
      {schemas && isRecord(schemas.context) && (
        <section class="sheet-part">
          <h3>{words.context}</h3>
          <Form
            schema={schemas.context}
            value={values.context}
            problem={null}
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
            problem={null}
            onChange={(next) => change("configurable", next)}
          />
        </section>
      )}
    </Sheet>
  );
}
