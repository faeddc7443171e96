import { useMemo } from "preact/hooks";
import type { GraphInfo } from "../../server/info";
import { Notice } from "../../shell/Notice";
import { useWords } from "../../words";
import { wordsOf } from "../../words/errors";
import { Facts } from "./Facts";
import { Moment } from "./Moment";
import { Panel } from "./Panel";
import { lanesOf } from "../model/lanes";
import { stepsOf } from "../model/states";
import { timesOf } from "../model/times";
import { TimeLine } from "../time-line/TimeLine";
import { useFacts } from "./use-facts";
import { useLog, type RunLog } from "./use-log";
import { usePlayer } from "../time-line/use-player";
import { useStates, type StateLoader, type States } from "../states/use-states";
import "./run.css";
import "../time-line/time-line.css";

/** One run: its facts, its time line, and what it had done and written at any moment of it. */
export function RunPage({ graph, runId }: { graph: GraphInfo; runId: string }) {
  const words = useWords();
  const log = useLog(graph.path, runId);
  const facts = useFacts(graph.path, graph.name, runId, log.phase, log.timeline.run.attempt);
  const threadId = facts.run?.thread_id ?? null;
  const [states, loader] = useStates(graph.path, threadId, runId, useSteps(log));
  const error = facts.error ?? log.error;
  if (error && facts.run === null) {
    return <Notice text={wordsOf(words, error.code) ?? words.failed} detail={error.message} />;
  }
  return (
    <article class="run" aria-label={words.run}>
      <Facts graph={graph} runId={runId} facts={facts} log={log} />
      <State log={log} />
      <Replay graph={graph} threadId={threadId} log={log} states={states} loader={loader} />
    </article>
  );
}

/** Returns what changes whenever a run that goes on may have another state. */
function useSteps({ phase, timeline, count }: RunLog): number {
  return useMemo(() => {
    if (phase !== "live") return -1;
    return timeline.run.items.filter((each) => each.type === "step").length;
  }, [phase, timeline, count]);
}

/** Why there are no events, or not all of them. */
function State({ log: { phase, count, error } }: { log: RunLog }) {
  const words = useWords();
  switch (phase) {
    case "loading":
      return <p class="note">{words.loading}</p>;
    case "live":
      return count === 0 ? <p class="note">{words.noEvents}</p> : null;
    case "gone":
      return <Notice text={words.expired} />;
    case "failed":
      return <Notice text={words.failed} detail={error?.message} />;
    case "over":
      return null;
  }
}

interface ReplayProps {
  readonly graph: GraphInfo;
  readonly threadId: string | null;
  readonly log: RunLog;
  readonly states: States;
  readonly loader: StateLoader;
}

/** The time line, and below it what there was at its moment. */
function Replay({ graph, threadId, log, states, loader }: ReplayProps) {
  const events = useMemo(
    () => log.timeline.entries.slice(0, log.count).map((each) => each.event),
    [log.timeline, log.count],
  );
  const times = useMemo(() => timesOf(log.known), [log.known]);
  const lanes = useMemo(() => lanesOf(events, times.at, stepsOf(states.list)), [events, times, states.list]);
  const player = usePlayer(times.at);
  const isLive = log.phase === "live";
  return (
    <>
      {log.count > 0 && (
        <TimeLine lanes={lanes} times={times} events={events} player={player} isLive={isLive} />
      )}
      <div class="run-parts">
        {log.count > 0 && <Moment graph={graph} run={log.timeline.at(player.count)} states={states} />}
        <Panel
          graph={graph}
          threadId={threadId}
          timeline={log.timeline}
          events={events}
          known={log.known}
          player={player}
          states={states}
          loader={loader}
        />
      </div>
    </>
  );
}
