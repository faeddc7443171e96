import type { ToolsProps } from "../chat/host";
import { PencilIcon } from "../look/icons";
import { useWords } from "../words";

/** Returns the button that begins a new conversation, once there is one. */
export function newConversation(onNew: () => void) {
  return function NewConversation({ shown }: ToolsProps) {
    const words = useWords();
    if (shown.turns.length === 0) return null;
    return (
      <button
        type="button"
        class="button is-quiet is-icon"
        aria-label={words.newConversation}
        title={words.newConversation}
        onClick={onNew}
      >
        <PencilIcon />
      </button>
    );
  };
}
