import { ChevronIcon } from "../look/icons";
import { useWords } from "../words";
import { useChat } from "./actions";
import type { Variants } from "./model/variants";

/** Which of the turns in one place is shown, and the way to the others. */
export function VariantSwitch({ variants, isIdle }: { variants: Variants; isIdle: boolean }) {
  const words = useWords();
  const { conversation } = useChat();
  const { index, checkpointIds } = variants;
  const to = (at: number) => {
    const checkpointId = checkpointIds[at];
    return {
      disabled: !isIdle || checkpointId === undefined,
      onClick: () => {
        if (checkpointId !== undefined) void conversation.switchTo(checkpointId);
      },
    };
  };
  return (
    <div class="variants" role="group" aria-label={words.variants}>
      <button
        type="button"
        class="button is-quiet is-icon is-back"
        aria-label={words.variantBefore}
        {...to(index - 1)}
      >
        <ChevronIcon />
      </button>
      <span class="variants-place">{words.variantPlace(index + 1, checkpointIds.length)}</span>
      <button
        type="button"
        class="button is-quiet is-icon"
        aria-label={words.variantAfter}
        {...to(index + 1)}
      >
        <ChevronIcon />
      </button>
    </div>
  );
}
