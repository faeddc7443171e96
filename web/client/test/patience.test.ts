import { expect, test } from "vitest";
import { Patience, pause } from "../src/patience.ts";

test("waits double up to two seconds, and end when patience is exhausted", () => {
  let now = 0;
  const patience = new Patience(
    6_000,
    () => now,
    () => 0,
  );
  const waits: number[] = [];
  for (let wait = patience.waitMs(); wait !== undefined; wait = patience.waitMs()) {
    waits.push(wait);
    now += wait;
  }

  expect(waits).toEqual([100, 200, 400, 800, 1600, 2000, 900]);
});

test("a success begins anew", () => {
  const patience = new Patience(
    1_000,
    () => 0,
    () => 0,
  );
  patience.waitMs();
  patience.waitMs();
  expect(patience.isTried).toBe(true);

  patience.succeeded();

  expect(patience.isTried).toBe(false);
  expect(patience.waitMs()).toBe(100);
});

test("a wait is at least what the server asks for, and at most what is left", () => {
  const patience = new Patience(
    3_000,
    () => 0,
    () => 1,
  );

  expect(patience.waitMs(1_000)).toBe(1_250);
  expect(patience.waitMs(10_000)).toBe(3_000);
});

test("patience may be endless", () => {
  let now = 0;
  const patience = new Patience(Infinity, () => now);
  for (let i = 0; i < 2_000; i++) {
    const wait = patience.waitMs();
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(2_000);
    now += 1e6;
  }
});

test("an abort ends a pause with its reason", async () => {
  const controller = new AbortController();
  const waiting = pause(2 ** 30, controller.signal);
  controller.abort("enough");

  await expect(waiting).rejects.toBe("enough");
  await expect(pause(2 ** 30, controller.signal)).rejects.toBe("enough");
});
