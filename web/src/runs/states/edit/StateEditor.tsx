import { useState } from "preact/hooks";
import type { Trouble } from "../../../chat/model/trouble";
import { useSchemas } from "../../../forms/use-schemas";
import type { GraphInfo } from "../../../server/info";
import { useWords } from "../../../words";
import { wordsOf } from "../../../words/errors";
import { isSame } from "../../model/edit";
import { NodeChoice } from "./NodeChoice";
import { SavedNote } from "./SavedNote";
import { StateFields } from "./StateFields";
import { save, useEditable, type Editable, type Saved } from "./use-edit";
import "../../../forms/forms.css";
import "./edit.css";

interface Props {
  readonly graph: GraphInfo;
  readonly threadId: string;
  readonly checkpointId: string;
  /** The thread has another newest state. */
  readonly onSaved: () => void;
  readonly onClose: () => void;
}

/** Changes a state by hand: what is saved is a state of its own, the thread's newest. */
export function StateEditor(props: Props) {
  const { graph, threadId, checkpointId } = props;
  const words = useWords();
  const schemas = useSchemas(graph.path);
  const [editable, error] = useEditable(graph.path, threadId, checkpointId);
  const [saved, setSaved] = useState<Saved | null>(null);
  if (error) {
    return (
      <p class="note is-danger" role="alert">
        {wordsOf(words, error.code) ?? words.failed} {error.message}
      </p>
    );
  }
  if (editable === null || schemas === null) return <p class="note">{words.loading}</p>;
  if (saved) return <SavedNote graph={graph} saved={saved} />;
  return (
    <EditForm
      {...props}
      editable={editable}
      schema={schemas.input}
      onSaved={(made) => {
        setSaved(made);
        props.onSaved();
      }}
    />
  );
}

interface FormProps extends Omit<Props, "onSaved"> {
  readonly editable: Editable;
  readonly schema: unknown;
  readonly onSaved: (saved: Saved) => void;
}

function EditForm({ graph, threadId, checkpointId, editable, schema, onSaved, onClose }: FormProps) {
  const words = useWords();
  const [values, setValues] = useState(editable.values);
  const [asNode, setAsNode] = useState("");
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [isSaving, setSaving] = useState(false);
  const submit = async () => {
    setSaving(true);
    setTrouble(null);
    const made = await save({ graph: graph.path, threadId, checkpointId }, editable.values, values, asNode);
    setSaving(false);
    if ("thread" in made) onSaved(made);
    else setTrouble(made);
  };
  const { isAtNode, isAtField } = placed(trouble, values);
  return (
    <form
      class="state-editor"
      aria-label={words.editState}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isSaving) void submit();
      }}
    >
      <p class="note">{words.editStateNote}</p>
      <StateFields
        schema={schema}
        before={editable.values}
        values={values}
        omitted={editable.omitted}
        problem={isAtField ? trouble : null}
        onChange={setValues}
      />
      <NodeChoice
        nodes={editable.nodes}
        value={asNode}
        message={isAtNode ? (trouble?.message ?? null) : null}
        onChange={setAsNode}
      />
      {trouble && !isAtNode && !isAtField && <Refused trouble={trouble} />}
      <div class="form-actions">
        <button type="button" class="button is-quiet" onClick={onClose}>
          {words.cancel}
        </button>
        <button type="submit" class="button is-main" disabled={isSaving || isSame(values, editable.values)}>
          {words.saveState}
        </button>
      </div>
    </form>
  );
}

/** Why nothing was saved, where that is no one field's fault. */
function Refused({ trouble }: { trouble: Trouble }) {
  const words = useWords();
  return (
    <p class="field-problem" role="alert">
      {wordsOf(words, trouble.code) ?? words.failed} {trouble.message}
    </p>
  );
}

/** Returns where what the server says is shown. */
function placed(trouble: Trouble | null, values: Editable["values"]) {
  const [key = ""] = trouble?.field.split(".") ?? [];
  return { isAtNode: key === "as_node", isAtField: trouble !== null && Object.hasOwn(values, key) };
}
