import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { SeltzerError, type RunInfo, type Usage } from "@seltzer/client";
import { CopyButton } from "../../chat/CopyButton";
import { wordsOf } from "../../words/errors";
import { AlertIcon, ChevronIcon, GraphIcon, MessageIcon, RunsIcon, StopIcon } from "../../look/icons";
import { client } from "../../server/client";
import type { GraphInfo } from "../../server/info";
import { hashOf } from "../../shell/route";
import { useWords, type Words } from "../../words";
import { factsOf } from "../model/facts";
import { agoOf, durationOf, exactOf, numberOf } from "../model/format";
import { isActive } from "../model/list";
import { StatusMark } from "../StatusMark";
import type { Facts as Known } from "./use-facts";
import type { RunLog } from "./use-log";
import { useNow } from "../use-now";

interface Props {
  readonly graph: GraphInfo;
  readonly runId: string;
  readonly facts: Known;
  readonly log: RunLog;
}

/** What is known of a run, and where else it is shown. */
export function Facts({ graph, runId, facts, log }: Props) {
  const words = useWords();
  const { run } = facts;
  return (
    <header class="run-head">
      <p class="run-back">
        <a class="link" href={hashOf({ graph: null, view: "runs", id: null })}>
          <ChevronIcon />
          {words.backToRuns}
        </a>
      </p>
      <div class="run-title">
        <h2>
          {words.run} <code>{runId.slice(0, 8)}</code>
        </h2>
        {run && <StatusMark status={run.status} />}
        <div class="run-links">{run && <Links graph={graph} run={run} />}</div>
      </div>
      <FactList facts={facts} log={log} />
      {run?.error && <Failure error={run.error} />}
    </header>
  );
}

function Links({ graph, run }: { graph: GraphInfo; run: RunInfo }) {
  const words = useWords();
  const name = graph.name;
  return (
    <>
      {isActive(run.status) && <Cancel graph={graph} runId={run.run_id} />}
      <a class="button is-quiet" href={hashOf({ graph: name, view: "chat", id: run.thread_id })}>
        <MessageIcon />
        {words.openThread}
      </a>
      <a class="button is-quiet" href={hashOf({ graph: name, view: "graph", id: run.run_id })}>
        <GraphIcon />
        {words.onTheGraph}
      </a>
      <a
        class="button is-quiet"
        href={hashOf({ graph: name, view: "runs", id: null, query: { thread: run.thread_id } })}
      >
        <RunsIcon />
        {words.threadRuns}
      </a>
    </>
  );
}

function Cancel({ graph, runId }: { graph: GraphInfo; runId: string }) {
  const words = useWords();
  const [error, setError] = useState<SeltzerError | null>(null);
  const cancel = () => {
    client.cancel(graph.path, runId).catch((reason: unknown) => {
      if (!(reason instanceof SeltzerError)) throw reason;
      setError(reason);
    });
  };
  return (
    <button type="button" class="button" onClick={cancel} title={error?.message}>
      {error ? <AlertIcon /> : <StopIcon />}
      {words.cancelRun}
    </button>
  );
}

function FactList({ facts, log }: { facts: Known; log: RunLog }) {
  const words = useWords();
  const now = useNow(1_000);
  const known = factsOf(facts.run, facts.summary, log.timeline.run, log.known);
  const language = words.languageCode;
  const { startedAt, durationMs, firstTokenMs, tokens, usage, attempt } = known;
  return (
    <dl class="run-facts">
      {startedAt !== null && (
        <Fact name={words.started}>
          <time dateTime={startedAt} title={exactOf(startedAt, language)}>
            {agoOf(now - Date.parse(startedAt), language)}
          </time>
        </Fact>
      )}
      {durationMs !== null && <Fact name={words.duration}>{durationOf(durationMs, language)}</Fact>}
      {firstTokenMs !== null && <Fact name={words.firstToken}>{durationOf(firstTokenMs, language)}</Fact>}
      {tokens !== null && <Fact name={words.tokensColumn}>{numberOf(tokens, language)}</Fact>}
      {usage !== null && <Fact name={words.usage}>{usageText(usage, words)}</Fact>}
      {attempt > 1 && <Fact name={words.attempt}>{attempt}</Fact>}
      {facts.run && (
        <Fact name={words.runId}>
          <span class="run-id">
            <code>{facts.run.run_id}</code>
            <CopyButton text={facts.run.run_id} label={words.copy} />
          </span>
        </Fact>
      )}
    </dl>
  );
}

function usageText(usage: Usage, words: Words): string {
  const count = (value: number) => numberOf(value, words.languageCode);
  return [words.inputTokens(count(usage.input_tokens)), words.outputTokens(count(usage.output_tokens))].join(
    " · ",
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="run-fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What a run has failed of, and what that means. */
function Failure({ error }: { error: NonNullable<RunInfo["error"]> }) {
  const words = useWords();
  return (
    <div class="alert">
      <AlertIcon />
      <div class="alert-text">
        <p>{wordsOf(words, error.code) ?? words.errOther}</p>
        <p class="note" dir="auto">
          <code>{error.code}</code> {error.message}
        </p>
      </div>
    </div>
  );
}
