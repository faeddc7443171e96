import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { CodeBox } from "../../chat/CodeBox";
import { CopyButton } from "../../chat/CopyButton";
import { pretty, type AnyEvent } from "../../state";
import { useWords } from "../../words";
import { momentOf, numberOf } from "../model/format";
import { previewOf, rowAt } from "../model/rows";
import type { Player } from "../time-line/use-player";
import { useRows } from "./use-rows";

interface Props {
  readonly events: readonly AnyEvent[];
  readonly known: readonly (number | null)[];
  readonly player: Player;
}

/** A run's events as they are; the one that has just happened is marked, and shown whole. */
export function EventList({ events, known, player }: Props) {
  const words = useWords();
  const [kind, setKind] = useState("");
  const kinds = useMemo(() => [...new Set(events.map((each) => each.kind))], [events]);
  const places = useMemo(
    () => events.flatMap((each, at) => (kind === "" || each.kind === kind ? [at] : [])),
    [events, kind],
  );
  const current = rowAt(places, player.count - 1);
  const event = events[places[current] ?? -1];
  const logged = (at: number) => ({ ...events[at], at: known[at] ?? null });
  return (
    <div class="events">
      <div class="events-head">
        <label>
          <span class="unseen">{words.eventKinds}</span>
          <select class="field" value={kind} onChange={(change) => setKind(change.currentTarget.value)}>
            <option value="">{words.allKinds}</option>
            {kinds.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
        <span class="note events-count">
          {words.eventsCount(
            numberOf(places.length, words.languageCode),
            numberOf(events.length, words.languageCode),
          )}
        </span>
        <CopyButton text={() => JSON.stringify(places.map(logged), null, 2)} label={words.copyEvents} />
      </div>
      <Rows events={events} known={known} places={places} current={current} player={player} />
      {event && (
        <div class="event-whole">
          <CodeBox label={`${event.kind} ${event.id}`} text={pretty(logged(places[current] ?? 0))} />
        </div>
      )}
    </div>
  );
}

interface RowsProps extends Props {
  /** Which of the events are listed. */
  readonly places: readonly number[];
  readonly current: number;
}

function Rows({ events, known, places, current, player }: RowsProps) {
  const words = useWords();
  const rows = useRows(places.length);
  const seeks = useRef(player.seeks);
  useLayoutEffect(() => {
    rows.show(current, seeks.current !== player.seeks);
    seeks.current = player.seeks;
  }, [current, player.seeks, places]);
  const seekRow = (row: number) => {
    const place = places[Math.max(0, Math.min(row, places.length - 1))];
    if (place !== undefined) player.seek(place + 1);
  };
  const press = (event: KeyboardEvent) => {
    const to = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: places.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    seekRow(to);
  };
  return (
    <div
      ref={rows.frame}
      class="event-rows"
      role="listbox"
      tabIndex={0}
      aria-label={words.events}
      aria-activedescendant={current >= rows.from && current < rows.to ? `event-${current}` : undefined}
      onScroll={rows.onScroll}
      onKeyDown={press}
    >
      <div class="event-space" role="presentation" style={{ height: `${places.length * rows.rowPx}px` }}>
        {places.slice(rows.from, rows.to).map((place, at) => {
          const [row, event] = [rows.from + at, events[place]];
          return (
            event && (
              <div
                key={place}
                id={`event-${row}`}
                class="event-row"
                role="option"
                aria-selected={row === current}
                aria-posinset={row + 1}
                aria-setsize={places.length}
                data-future={place >= player.count}
                style={{ top: `${row * rows.rowPx}px`, height: `${rows.rowPx}px` }}
                onClick={() => player.seek(place + 1)}
              >
                <span class="event-id">{event.id}</span>
                <span class="event-time">{timeOf(known[place])}</span>
                <code class="event-kind">{event.kind}</code>
                <span class="event-preview" dir="auto">
                  {previewOf(event.data)}
                </span>
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

const timeOf = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? "–" : momentOf(ms);
