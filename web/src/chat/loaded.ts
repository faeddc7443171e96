/** What is loaded of a thread, and the turns that are shown of it. */
import type { Run } from "../state";
import { overlaid, type Pages } from "./model/pages";
import type { Turn } from "./model/turn";
import { Past, type Source } from "./past";
import { Showing } from "./shown";

/** The active run, and its turn. */
interface Active {
  readonly turn: Turn;
  readonly run: Run;
}

export class Loaded extends Showing {
  protected pages: Pages | null = null;
  protected seen: readonly Turn[] = []; // those whose runs were followed here, the oldest first
  protected readonly past: Past;
  protected reading: AbortController | null = null;
  protected active: Active | null = null;
  protected before: readonly Turn[] = []; // the turns before that of the active run
  protected replaced: string | null = null; // the first of those that the active one replaces, by its key

  constructor(source: Source) {
    super();
    this.past = new Past(source, () => this.render());
  }

  protected get isActive(): boolean {
    return this.reading !== null;
  }

  protected render(): void {
    if (this.pages === null) return;
    const loaded = this.loaded(this.pages);
    const hasEarlier = this.pages.omitted > 0;
    if (!this.isActive || this.active === null) return this.show({ turns: loaded, hasEarlier });
    const at = loaded.findIndex((each) => each.key === this.replaced);
    this.before = at < 0 ? loaded : loaded.slice(0, at);
    this.show({ turns: [...this.before, this.active.turn], hasEarlier });
  }

  /** Returns the turns that are loaded, with what is known of their runs. */
  protected loaded(pages: Pages): readonly Turn[] {
    this.past.show(this.shownNow.threadId, pages);
    return overlaid(pages, this.seen, this.past.turns);
  }
}
