import { useMemo } from "preact/hooks";
import { memo } from "../../chat/memo";
import { ToolIcon } from "../../look/icons";
import { useWords, type Words } from "../../words";
import { barsOf, density, thinned } from "../model/drawn";
import { durationOf } from "../model/format";
import type { Lane, Span } from "../model/lanes";
import { BINS, percent } from "./TimeLine";

interface Props {
  readonly lane: Lane;
  readonly totalMs: number;
  /** The most tokens in any part of any lane. */
  readonly most: number;
}

/** What a node or a tool has done: when it was at work, and how densely it wrote. */
export const LaneRow = memo<Props>(function LaneRow({ lane, totalMs, most }) {
  const words = useWords();
  const name = lane.kind === "other" ? words.otherEvents : (lane.path.at(-1) ?? "");
  const spans = useMemo(() => thinned(lane.spans, totalMs), [lane, totalMs]);
  const bars = useMemo(() => barsOf(density(lane.tokens, totalMs, BINS), most), [lane, totalMs, most]);
  const summary = summaryOf(lane, words);
  return (
    <div class="lane" data-kind={lane.kind} data-depth={Math.min(lane.path.length - 1, 3)}>
      <span class="lane-name" title={[lane.path.join(" / ") || name, summary].join(": ")}>
        {lane.kind === "tool" && <ToolIcon />}
        <span class="lane-text" dir="auto">
          {name || words.tool}
        </span>
        <span class="unseen">{summary}</span>
      </span>
      <div class="lane-track" aria-hidden="true">
        {spans.map((span, at) => (
          <span
            key={at}
            class="span"
            data-kind={span.kind}
            data-status={span.status}
            style={{ left: percent(span.from, totalMs), width: widthOf(span, totalMs) }}
          />
        ))}
        {bars && (
          <svg class="lane-tokens" viewBox={`0 0 ${BINS} 1`} preserveAspectRatio="none">
            <path d={bars} />
          </svg>
        )}
        {lane.marks.map((mark, at) => (
          <span key={at} class="mark" data-kind={mark.kind} style={{ left: percent(mark.at, totalMs) }} />
        ))}
      </div>
    </div>
  );
});

function widthOf(span: Span, totalMs: number): string {
  return percent(totalMs > 0 ? span.to - span.from : 0, totalMs > 0 ? totalMs : 1);
}

function summaryOf(lane: Lane, words: Words): string {
  const own = lane.spans.filter((each) => each.kind !== "call");
  const ms = own.reduce((sum, each) => sum + each.to - each.from, 0);
  const states = [
    own.some((each) => each.status === "running") ? words.spanRunning : "",
    own.some((each) => each.status === "error") ? words.spanFailed : "",
    own.some((each) => each.status === "cut") ? words.spanCut : "",
  ];
  const count = lane.kind === "other" ? lane.marks.length : own.length;
  const took = durationOf(ms, words.languageCode);
  return [words.laneSpans(count, took), ...states].filter(Boolean).join(", ");
}
