import type { ComponentChild } from "preact";
import { FitIcon, FoldIcon, MinusIcon, PlusIcon, UnfoldIcon } from "../../look/icons";
import { useWords } from "../../words";
import type { Viewport } from "../viewport/use-viewport";

interface Props {
  readonly viewport: Viewport;
  readonly isUnfolded: boolean;
  /** Unfolds all sub-graphs, or folds them; null if there are none. */
  readonly onUnfold: ((isAll: boolean) => void) | null;
}

/** What can be done with the drawing as a whole. */
export function Toolbar({ viewport, isUnfolded, onUnfold }: Props) {
  const words = useWords();
  return (
    <div class="graph-tools" role="toolbar" aria-label={words.drawingTools}>
      {onUnfold && (
        <Tool
          label={isUnfolded ? words.foldAll : words.unfoldAll}
          icon={isUnfolded ? <FoldIcon /> : <UnfoldIcon />}
          onClick={() => onUnfold(!isUnfolded)}
        />
      )}
      <Tool label={words.zoomOut} shortcut="-" icon={<MinusIcon />} onClick={viewport.zoomOut} />
      <output class="graph-scale">{`${Math.round(viewport.view.scale * 100)}%`}</output>
      <Tool label={words.zoomIn} shortcut="+" icon={<PlusIcon />} onClick={viewport.zoomIn} />
      <Tool label={words.zoomFit} shortcut="0" icon={<FitIcon />} onClick={viewport.fit} />
    </div>
  );
}

interface ToolProps {
  readonly label: string;
  readonly shortcut?: string;
  readonly icon: ComponentChild;
  readonly onClick: () => void;
}

function Tool({ label, shortcut, icon, onClick }: ToolProps) {
  return (
    <button
      type="button"
      class="button is-quiet is-icon"
      aria-label={label}
      aria-keyshortcuts={shortcut}
      title={shortcut ? `${label} (${shortcut})` : label}
      onClick={onClick}
    >
      {icon}
    </button>
  );
}
