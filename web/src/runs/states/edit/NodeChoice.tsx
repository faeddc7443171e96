import { useId } from "preact/hooks";
import { Notes, useFocus } from "../../../forms/FieldNotes";
import { useWords } from "../../../words";

interface Props {
  readonly nodes: readonly string[];
  /** Empty: the node that has written last. */
  readonly value: string;
  readonly message: string | null;
  readonly onChange: (node: string) => void;
}

const NO_NODE = "__end__";

/** In whose name a state is written: that node's edges decide what is next. */
export function NodeChoice({ nodes, value, message, onChange }: Props) {
  const words = useWords();
  const id = useId();
  const place = useFocus(message === null ? null : { field: "as_node", message });
  return (
    <div class="field-row" ref={place} data-wrong={message !== null}>
      <label class="field-label" for={id}>
        {words.writtenAs}
      </label>
      <select
        id={id}
        class="field"
        aria-describedby={[`${id}-help`, message && `${id}-problem`].filter(Boolean).join(" ")}
        aria-invalid={message !== null}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        <option value="">{words.asLastWriter}</option>
        {nodes.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
        <option value={NO_NODE}>{words.asNoNode}</option>
      </select>
      <Notes id={id} help={words.writtenAsNote} message={message} />
    </div>
  );
}
