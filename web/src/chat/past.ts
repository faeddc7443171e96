/** What earlier runs have done: read from their logs, for the turns that come into view, the newest first. */
import { isLast, SeltzerError } from "@seltzer/client";
import type { TurnInfo, TurnPage } from "../server/turns";
import type { Entry } from "../state";
import { readTurn, writtenBy, type Logged, type Written } from "./model/past";
import { storedTurns, type Pages } from "./model/pages";
import { EMPTY_TURN, placeOf, type Turn } from "./model/turn";

/** What is asked of the server. */
export interface Source {
  turns(threadId: string, before: string | null): Promise<TurnPage>;
  /** Returns what a run has emitted; null if that isn't kept, or is too long. */
  log(runId: string): Promise<readonly Entry[] | null>;
}

/** A turn to read; tried: those that were read or aren't kept, with this state. */
interface Wanted {
  readonly threadId: string;
  readonly pages: Pages;
  readonly stored: readonly Turn[];
  readonly place: string;
  readonly tried: Set<string>;
}

/** The turns of a state that are listed so far; before: where the next page begins, null on the last. */
interface Listed {
  readonly infos: readonly TurnInfo[];
  readonly before: string | null;
}

const NONE: Listed = { infos: [], before: null };

export class Past {
  /** The turns as they were read, by their places. */
  turns: ReadonlyMap<string, Turn> = new Map();
  private threadId: string | null = null;
  private pages: Pages | null = null;
  private listed: Listed | null = null;
  private wanted = new Set<string>();
  private tried = new Set<string>(); // of those wanted, with this state
  private readonly read = new Map<string, string>(); // a place -> what its turn was read from
  private isBusy = false;

  /** onRead: called when another turn was read. */
  constructor(
    private readonly source: Source,
    private readonly onRead: () => void,
  ) {}

  /** Forgets all turns: another thread is shown. */
  open(threadId: string | null): void {
    this.threadId = threadId;
    this.pages = null;
    this.listed = null;
    this.turns = new Map();
    this.wanted = new Set();
    this.tried = new Set();
    this.read.clear();
  }

  /** Takes note of what is loaded of the thread. */
  show(threadId: string | null, pages: Pages): void {
    if (threadId !== this.threadId) this.open(threadId);
    if (pages.checkpointId !== this.pages?.checkpointId) {
      this.listed = null;
      this.tried = new Set();
    }
    this.pages = pages;
    this.work();
  }

  /** Reads what the turn's runs have done, if anybody has kept it: it is looked at. */
  look(turn: Turn): void {
    const place = placeOf(turn);
    if (turn.detail === "all" || place === "") return;
    this.wanted.add(place);
    this.work();
  }

  private work(): void {
    if (this.isBusy) return;
    this.isBusy = true;
    this.readAll().catch((error: unknown) => {
      if (!(error instanceof SeltzerError)) throw error; // the turns stay as they are
    });
  }

  private async readAll(): Promise<void> {
    try {
      for (let next = this.next(); next !== null; next = this.next()) {
        try {
          await this.readNext(next);
        } catch (error) {
          if (next.tried === this.tried || !(error instanceof SeltzerError)) throw error;
          // The thread has changed meanwhile: what was asked for may be gone, what is there now is asked for next.
        }
      }
    } finally {
      this.isBusy = false;
    }
  }

  /** Returns the newest turn that is wanted and wasn't read yet. */
  private next(): Wanted | null {
    const { threadId, pages, tried } = this;
    const left = [...this.wanted].filter((each) => !tried.has(each));
    if (threadId === null || pages === null || left.length === 0) return null;
    const stored = storedTurns(pages);
    const place = pages.messages.length > 0 ? newestIn(stored, left) : left.at(-1);
    return place === undefined ? null : { threadId, pages, stored, place, tried };
  }

  private async readNext(wanted: Wanted): Promise<void> {
    const { threadId, pages, place, tried } = wanted;
    const written = await this.written(threadId, pages, place);
    const source = JSON.stringify(written);
    const isNew = written !== undefined && source !== this.read.get(place);
    const isRead = isNew && (await this.readTurn(wanted, written));
    tried.add(place);
    if (isRead && threadId === this.threadId) this.read.set(place, source);
  }

  /** Shows what the runs of a turn have done. Returns whether they have ended: an active one has more to add. */
  private async readTurn({ threadId, stored, place }: Wanted, written: Written): Promise<boolean> {
    const logs: Logged[] = [];
    for (const writer of written.runs) logs.push({ writer, log: await this.source.log(writer.run_id) });
    if (logs.some(({ log }) => log !== null && !log.some(({ event }) => isLast(event)))) return false;
    const at = stored.findIndex((each) => placeOf(each) === place);
    const turn = readTurn(stored[at] ?? EMPTY_TURN, stored[at - 1], logs, written.isEdited);
    if (threadId !== this.threadId || turn === null) return true;
    this.turns = new Map(this.turns).set(place, turn);
    this.onRead();
    return true;
  }

  /** Returns by what a turn was written; undefined if the thread doesn't have that any more. */
  private async written(threadId: string, pages: Pages, place: string): Promise<Written | undefined> {
    let listed = this.listed ?? (await this.list(threadId, NONE));
    for (;;) {
      const found = writtenBy(pages, listed.infos).get(place);
      if (found || listed.before === null) return found;
      listed = await this.list(threadId, listed);
    }
  }

  /** Lists more turns of the state that is shown. */
  private async list(threadId: string, { infos, before }: Listed): Promise<Listed> {
    const { pages } = this;
    const page = await this.source.turns(threadId, before);
    const listed = { infos: [...infos, ...page.turns], before: page.next_before };
    const isSame = threadId === this.threadId && this.pages?.checkpointId === pages?.checkpointId;
    if (isSame) this.listed = listed;
    return listed;
  }
}

function newestIn(turns: readonly Turn[], places: readonly string[]): string | undefined {
  return turns.map(placeOf).findLast((each) => places.includes(each));
}
