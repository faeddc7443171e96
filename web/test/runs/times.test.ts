import fc from "fast-check";
import { expect, test } from "vitest";
import { Pace, countAt, ticksOf, timesOf } from "../../src/runs/model/times";

const known = fc.array(fc.option(fc.integer({ min: 0, max: 100_000 })), { maxLength: 40 });

test("every event has a time, and none is before the one before it", () => {
  fc.assert(
    fc.property(known, (each) => {
      const { at, isGuessed } = timesOf(each);

      expect(at).toHaveLength(each.length);
      expect(at.every((time, index) => time >= (at[index - 1] ?? 0))).toBe(true);
      expect(isGuessed).toBe(each.includes(null));
    }),
  );
});

test.each([
  [
    [10, null, null, 40],
    [10, 20, 30, 40],
  ],
  [
    [null, 30],
    [15, 30],
  ],
  [
    [null, null],
    [50, 100],
  ],
  [
    [20, 10],
    [20, 20],
  ],
  [[], []],
])("the times %j are %j", (given, at) => {
  expect(timesOf(given).at).toEqual(at);
});

test("the events up to a time are counted, also where several have the same", () => {
  const at = [0, 5, 5, 9];

  expect([-1, 0, 4, 5, 8, 9, 99].map((ms) => countAt(at, ms))).toEqual([0, 1, 1, 3, 3, 4, 4]);
});

test("a replay shortens silences to a second, and comes to every event at its turn", () => {
  fc.assert(
    fc.property(known, (each) => {
      const { at } = timesOf(each);
      const pace = new Pace(at);

      expect(pace.lengthMs).toBeLessThanOrEqual(at.at(-1) ?? 0);
      expect(pace.lengthMs).toBeLessThanOrEqual(at.length * Pace.LONGEST_MS);
      for (const ms of at) expect(pace.momentOf(pace.replayOf(ms))).toBeCloseTo(ms, 6);
    }),
  );
});

test("the moments within a silence pass faster", () => {
  const pace = new Pace([0, 500, 60_500]);

  expect(pace.isShortened).toBe(true);
  expect(pace.lengthMs).toBe(1_500);
  expect(pace.momentOf(250)).toBe(250);
  expect(pace.momentOf(1_000)).toBe(30_500);
  expect(pace.replayOf(60_500)).toBe(1_500);
});

test.each([
  [0, [0]],
  [1_200, [0, 200, 400, 600, 800, 1_000, 1_200]],
  [3, [0, 0.5, 1, 1.5, 2, 2.5, 3]],
  [61_000, [0, 20_000, 40_000, 60_000]],
])("an axis of %d ms has its marks at %j", (total, ticks) => {
  expect(ticksOf(total)).toEqual(ticks);
});
