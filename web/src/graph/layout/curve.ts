/** The lines of the drawing, as SVG paths. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

/** Returns a path through the points, whose corners are round. */
export function curve(points: readonly Point[]): string {
  const [first, ...rest] = points.map(rounded);
  if (first === undefined) return "";
  const last = rest.at(-1) ?? first;
  const bends = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? last;
    const isLast = index === rest.length - 2;
    const to = isLast ? next : rounded({ x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 });
    return `Q${point.x},${point.y} ${to.x},${to.y}`;
  });
  return [`M${first.x},${first.y}`, ...(bends.length ? bends : [`L${last.x},${last.y}`])].join(" ");
}

/** Returns a path from a box's right side back to it; reach: how far it goes. */
export function loop({ x, y, width }: Box, reach: number): string {
  const [side, far] = [Math.round(x + width / 2), Math.round(x + width / 2 + reach)];
  const [top, bottom] = [Math.round(y - 12), Math.round(y + 12)];
  return `M${side},${top} C${far},${top - 22} ${far},${bottom + 22} ${side},${bottom}`;
}

function rounded({ x, y }: Point): Point {
  return { x: Math.round(x * 10) / 10, y: Math.round(y * 10) / 10 };
}
