import { useWords } from "../../words";
import { numberOf } from "../model/format";
import type { Counters as Counted } from "../use-live";

/** What the server's process does now. */
export function Counters({ counters }: { counters: Counted }) {
  const words = useWords();
  const { live, rate, isGone } = counters;
  const shown: readonly [string, number | null][] = [
    [words.countRunning, live?.runs.running ?? null],
    [words.countPending, live?.runs.pending ?? null],
    [words.countStreams, live?.streams ?? null],
    [words.countRate, rate],
  ];
  return (
    <section class="counters" aria-label={words.process} data-gone={isGone}>
      <dl class="counters-list">
        {shown.map(([name, value]) => (
          <div key={name} class="counter" data-active={(value ?? 0) > 0}>
            <dt>{name}</dt>
            <dd>{value === null ? "–" : numberOf(Math.round(value), words.languageCode)}</dd>
          </div>
        ))}
      </dl>
      {isGone && live && <p class="note counters-note">{words.countersGone}</p>}
    </section>
  );
}
