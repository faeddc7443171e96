import type { ComponentChild, ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ChevronIcon } from "../look/icons";

interface Props {
  readonly icon: ComponentChild;
  readonly title: string;
  readonly note?: string;
  /** Shown open while it runs, unless the reader has chosen otherwise. */
  readonly isRunning?: boolean;
  readonly tone?: "danger" | undefined;
  readonly children: ComponentChildren;
}

/** Something that can be unfolded. */
export function Fold({ icon, title, note, isRunning = false, tone, children }: Props) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const isOpen = chosen ?? isRunning;
  return (
    <section class="fold" data-tone={tone} data-running={isRunning}>
      <button type="button" class="fold-head" aria-expanded={isOpen} onClick={() => setChosen(!isOpen)}>
        {icon}
        <span class="fold-title" dir="auto">
          {title}
        </span>
        {note && <span class="fold-note">{note}</span>}
        <span class="fold-chevron">
          <ChevronIcon />
        </span>
      </button>
      {isOpen && <div class="fold-body">{children}</div>}
    </section>
  );
}
