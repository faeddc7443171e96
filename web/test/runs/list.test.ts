import { expect, test } from "vitest";
import { agoOf, durationOf, momentOf } from "../../src/runs/model/format";
import { joined, refreshed } from "../../src/runs/model/list";
import { hasMoved, tokensPerSecond } from "../../src/runs/model/rate";
import type { Live, RunSummary } from "../../src/server/runs";

const runs = (...ids: string[]) => ids.map((run_id) => ({ run_id }) as RunSummary);
const idsOf = (list: readonly RunSummary[]) => list.map((each) => each.run_id).join("");

test.each([
  ["edcba", "gfed", false, "gfedcba"],
  ["edcba", "ecb", false, "ecba"],
  ["cba", "ihg", false, "ihg"],
  ["cba", "cb", true, "cb"],
  ["", "ba", false, "ba"],
])("of %s and the newest %s", (shown, page, isWhole, expected) => {
  expect(idsOf(refreshed(runs(...shown), runs(...page), isWhole))).toBe(expected);
});

test("a later page adds what isn't there yet", () => {
  expect(idsOf(joined(runs("c", "b"), runs("b", "a")))).toBe("cba");
});

const live = (tokens: number, second: number, start = "s"): Live => ({
  runs: { running: 1, pending: 0 },
  streams: 0,
  tokens,
  started_at: start,
  now: `2026-01-01T00:00:${String(second).padStart(2, "0")}Z`,
});

test("tokens a second are counted between two readings of the same process", () => {
  expect(tokensPerSecond(live(10, 0), live(40, 2))).toBe(15);
  expect(tokensPerSecond(null, live(40, 2))).toBeNull();
  expect(tokensPerSecond(live(10, 0, "another"), live(40, 2))).toBeNull();
  expect(tokensPerSecond(live(10, 2), live(40, 2))).toBeNull();
});

test("a process that has done nothing hasn't moved", () => {
  expect(hasMoved(live(1, 0), live(1, 2))).toBe(false);
  expect(hasMoved(live(1, 0), live(2, 2))).toBe(true);
  expect(hasMoved(null, live(1, 2))).toBe(true);
});

test.each([
  [0, "0 ms"],
  [840, "840 ms"],
  [999.7, "1,000 ms"],
  [4_230, "4.2 sec"],
  [59_940, "60 sec"],
  [59_960, "1 min"],
  [185_000, "3 min 5 sec"],
  [3_599_900, "60 min"],
  [7_440_000, "2 hr 4 min"],
])("%d ms are %s", (ms, text) => {
  expect(durationOf(ms, "en")).toBe(text);
});

test("times are in the language of the page", () => {
  expect(durationOf(185_000, "ja")).toBe("3 分 5 秒");
  expect(agoOf(0, "en")).toBe("now");
  expect(agoOf(125_000, "en")).toBe("2 min. ago");
  expect(agoOf(-5, "zh")).toBe("现在");
});

test.each([
  [0, "0.000"],
  [12_345, "12.35"],
  [185_140, "3:05.1"],
])("the moment %d is %s", (ms, text) => {
  expect(momentOf(ms)).toBe(text);
});
