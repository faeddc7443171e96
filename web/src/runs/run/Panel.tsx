import { useState } from "preact/hooks";
import type { GraphInfo } from "../../server/info";
import { lazy } from "../../shell/lazy";
import type { AnyEvent, Timeline } from "../../state";
import { useWords } from "../../words";
import { EventList } from "./EventList";
import { StateList } from "../states/StateList";
import type { Player } from "../time-line/use-player";
import type { StateLoader, States } from "../states/use-states";

const GraphAt = lazy(async () => (await import("../../graph/GraphAt")).GraphAt);

interface Props {
  readonly graph: GraphInfo;
  readonly threadId: string | null;
  readonly timeline: Timeline;
  readonly events: readonly AnyEvent[];
  readonly known: readonly (number | null)[];
  readonly player: Player;
  readonly states: States;
  readonly loader: StateLoader;
}

type Part = "events" | "states" | "graph";

/** A run's events, its states, or what its graph's nodes had done at the chosen moment. */
export function Panel(props: Props) {
  const { graph, threadId, timeline, events, known, player, states, loader } = props;
  const words = useWords();
  const [chosen, setChosen] = useState<Part>("events");
  const parts: readonly Part[] = events.length > 0 ? ["events", "states", "graph"] : ["states"];
  const shown = parts.includes(chosen) ? chosen : "states";
  return (
    <section class="panel" aria-label={words[shown]}>
      <div class="segments panel-tabs" role="group">
        {parts.map((part) => (
          <button
            key={part}
            type="button"
            class="segment"
            aria-pressed={shown === part}
            onClick={() => setChosen(part)}
          >
            {words[part]}
          </button>
        ))}
      </div>
      {shown === "events" && <EventList events={events} known={known} player={player} />}
      {shown === "states" && threadId !== null && (
        <StateList graph={graph} threadId={threadId} states={states} loader={loader} />
      )}
      {shown === "graph" && (
        <div class="panel-graph">
          <GraphAt
            graph={graph}
            run={timeline.at(player.count)}
            at={timeline.entries[player.count - 1]?.at ?? null}
          />
        </div>
      )}
    </section>
  );
}
