import { useState } from "preact/hooks";
import type { GraphInfo } from "../server/info";
import type { AnyEvent } from "../state";
import { useWords } from "../words";
import { EventList } from "./EventList";
import { StateList } from "./StateList";
import type { Player } from "./use-player";
import type { States } from "./use-states";

interface Props {
  readonly graph: GraphInfo;
  readonly threadId: string | null;
  readonly events: readonly AnyEvent[];
  readonly known: readonly (number | null)[];
  readonly player: Player;
  readonly states: States;
  readonly onEarlier: () => void;
}

/** A run's events, or its states. */
export function Panel({ graph, threadId, events, known, player, states, onEarlier }: Props) {
  const words = useWords();
  const [chosen, setChosen] = useState<"events" | "states">("events");
  const shown = events.length === 0 ? "states" : chosen;
  return (
    <section class="panel" aria-label={shown === "events" ? words.events : words.states}>
      <div class="segments panel-tabs" role="group">
        {events.length > 0 && (
          <button
            type="button"
            class="segment"
            aria-pressed={shown === "events"}
            onClick={() => setChosen("events")}
          >
            {words.events}
          </button>
        )}
        <button
          type="button"
          class="segment"
          aria-pressed={shown === "states"}
          onClick={() => setChosen("states")}
        >
          {words.states}
        </button>
      </div>
      {shown === "events" && <EventList events={events} known={known} player={player} />}
      {shown === "states" && threadId !== null && (
        <StateList graph={graph} threadId={threadId} states={states} onEarlier={onEarlier} />
      )}
    </section>
  );
}
