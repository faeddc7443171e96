import { expect, test } from "vitest";
import { begin, fit, pan, reveal, SCALES, zoom, type View } from "../../src/graph/viewport/view";

const WINDOW = { width: 1_000, height: 500 };
const seen = (view: View, x: number, y: number) => [x * view.scale + view.x, y * view.scale + view.y];

test("a small drawing is shown as large as it is, in the middle", () => {
  expect(fit({ width: 200, height: 100 }, WINDOW)).toEqual({ x: 400, y: 200, scale: 1 });
});

test("a large one is shown whole, and one that is nothing is no trouble", () => {
  const view = fit({ width: 4_000, height: 800 }, WINDOW);

  expect(seen(view, 0, 0)[0]).toBeGreaterThanOrEqual(0);
  expect(seen(view, 4_000, 800)[0]).toBeLessThanOrEqual(1_000);
  expect(fit({ width: 0, height: 0 }, { width: 0, height: 0 }).scale).toBeGreaterThanOrEqual(SCALES.least);
});

test("on a narrow window there is room for the tools below it", () => {
  const view = fit({ width: 300, height: 700 }, { width: 390, height: 500 });

  expect(seen(view, 0, 700)[1]).toBeLessThan(500 - 50);
});

test("at first as much is shown as can be read, from the start", () => {
  const tall = begin({ width: 300, height: 3_000 }, WINDOW, { x: 150 });
  const wide = begin({ width: 9_000, height: 300 }, WINDOW, { x: 4_500 });

  expect(tall.scale).toBeGreaterThanOrEqual(0.7);
  expect(seen(tall, 150, 0)).toEqual([500, 0]);
  expect(seen(wide, 4_500, 0)[0]).toBe(500);
  expect(begin({ width: 9_000, height: 300 }, WINDOW, { x: 20 }).x).toBe(0);
  expect(begin({ width: 200, height: 100 }, WINDOW, { x: 9 })).toEqual(
    fit({ width: 200, height: 100 }, WINDOW),
  );
});

test("what is under the pointer stays there when the drawing is made larger", () => {
  const view = { x: 30, y: 40, scale: 0.5 };
  const at = { x: 200, y: 100 };
  const point = [(at.x - view.x) / view.scale, (at.y - view.y) / view.scale] as const;

  const larger = zoom(view, 1.5, at);

  expect(larger.scale).toBe(0.75);
  expect(seen(larger, ...point)).toEqual([200, 100]);
  expect(zoom(view, 1_000, at).scale).toBe(SCALES.most);
  expect(zoom(view, 0, at).scale).toBe(SCALES.least);
});

test("the view moves just as far as is needed", () => {
  const view = { x: 0, y: 0, scale: 1 };

  expect(reveal(view, { x: 100, y: 100, width: 50, height: 50 }, WINDOW)).toBe(view);
  expect(reveal(view, { x: 990, y: 100, width: 50, height: 50 }, WINDOW)).toEqual(pan(view, -56, 0));
  expect(reveal(view, { x: 100, y: -80, width: 50, height: 50 }, WINDOW)).toEqual(pan(view, 0, 96));
  expect(reveal(view, { x: 500, y: 0, width: 5_000, height: 20 }, WINDOW).x).toBe(16 - 500);
});
