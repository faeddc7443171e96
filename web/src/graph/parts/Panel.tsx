import { useEffect, useRef } from "preact/hooks";
import { wordsOf } from "../../words/errors";
import { CloseIcon } from "../../look/icons";
import { hashOf } from "../../shell/route";
import type { Run } from "../../state";
import { useWords, type Words } from "../../words";
import type { Activity } from "../model/activity";
import type { NodeRun } from "../model/execution";
import { count, duration, lengthOf, money, timeOf } from "../model/format";
import type { GraphNode } from "../model/levels";

interface Props {
  readonly node: GraphNode;
  readonly activity: Activity;
  readonly run: Run;
  readonly now: number | null;
  readonly isUnfolded: boolean;
  /** Unfolds the sub-graph that it is, or folds it; null for any other node. */
  readonly onToggle: (() => void) | null;
  readonly onClose: () => void;
}

const SHOWN_RUNS = 20;
const SHOWN_CHARS = 4_000;

/** What a node has done: its runs, its times, what it has cost, and what it has written last. */
export function Panel({ node, activity, run, now, isUnfolded, onToggle, onClose }: Props) {
  const words = useWords();
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.focus({ preventScroll: true }), []);
  const written = activity.runs.findLast((each) => !each.isOpen);
  const first = Math.max(0, activity.runs.length - SHOWN_RUNS);
  return (
    <aside class="graph-panel" ref={panel} tabIndex={-1} aria-label={words.aboutNode(node.name)}>
      <header class="graph-panel-head">
        <h2 dir="auto">{node.name}</h2>
        <button type="button" class="button is-quiet is-icon" aria-label={words.close} onClick={onClose}>
          <CloseIcon />
        </button>
      </header>
      <p class="state-line" data-state={activity.state}>
        {words.nodeStates[activity.state]}
        {activity.isPresumed && activity.state === "running" && <span class="note"> {words.presumed}</span>}
      </p>
      {activity.state === "failed" && run.error && (
        <p class="graph-panel-error">{wordsOf(words, run.error.code) ?? run.error.message}</p>
      )}
      <Actions node={node} activity={activity} run={run} isUnfolded={isUnfolded} onToggle={onToggle} />
      <dl class="facts">
        {factsOf(node, activity, now, words).map(([name, value]) => (
          <div key={name} class="fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {activity.runs.length > 1 && (
        <>
          <h3>{words.itsRuns}</h3>
          <ol class="node-runs" start={first + 1}>
            {activity.runs.slice(first).map((each, index) => (
              <li key={first + index}>{runText(each, activity, now, words)}</li>
            ))}
          </ol>
        </>
      )}
      {written && (
        <>
          <h3 id="last-written">{words.lastWritten}</h3>
          <pre
            class="graph-panel-values"
            tabIndex={0}
            role="region"
            aria-labelledby="last-written"
            dir="auto"
          >
            {textOf(written, words)}
          </pre>
        </>
      )}
    </aside>
  );
}

/** What can be done about a node. */
function Actions({ node, activity, run, isUnfolded, onToggle }: Omit<Props, "now" | "onClose">) {
  const words = useWords();
  return (
    <>
      {activity.state === "waiting" && run.threadId && (
        <a class="button" href={hashOf({ graph: run.graph, view: "chat", id: run.threadId })}>
          {words.toTheChat}
        </a>
      )}
      {onToggle && (
        <button type="button" class="button" aria-expanded={isUnfolded} onClick={onToggle}>
          {isUnfolded ? words.foldUp(node.name) : words.unfold(node.name)}
        </button>
      )}
    </>
  );
}

function factsOf(
  node: GraphNode,
  activity: Activity,
  now: number | null,
  words: Words,
): readonly (readonly [string, string])[] {
  const { cost, models, runs, running } = activity;
  const time = timeOf(activity, now);
  const facts: readonly (readonly [string, string | false])[] = [
    [words.itsRuns, runs.length > 0 && words.times(runs.filter((each) => !each.isOpen).length)],
    [words.atWork, running > 1 && words.atOnce(running)],
    [words.itsTime, time !== null && duration(time, words)],
    [words.itsTokens, cost !== null && words.inAndOut(count(cost.inputTokens), count(cost.outputTokens))],
    [words.itsCost, cost !== null && cost.money !== null && money(cost.money)],
    [words.itsModels, models.join(", ")],
    [words.itsTools, node.tools.join(", ")],
  ];
  return facts.filter((fact): fact is readonly [string, string] => Boolean(fact[1]));
}

function runText(run: NodeRun, activity: Activity, now: number | null, words: Words): string {
  const length = lengthOf(run, now);
  const state = words.nodeStates[run.isOpen ? activity.state : "done"];
  return length === null ? state : `${state}, ${duration(length, words)}`;
}

function textOf(run: NodeRun, words: Words): string {
  if (run.values === null || run.values === undefined) return words.nothingWritten;
  const text = typeof run.values === "string" ? run.values : JSON.stringify(run.values, null, 2);
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}
