/** Which node the arrow keys lead to. */
import { END, START, within } from "../model/levels";
import type { Placed } from "./place";

export type Direction = "up" | "down" | "left" | "right";

/** What the keyboard stops at: a node, or an unfolded sub-graph at its title. */
interface Stop {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

/**
 * Returns the id of the node or sub-graph that a key leads to from another one; that one itself if there is none.
 *
 * Down and up lead along the edges, the nearest first; where no edge does, to what is there. Left and right lead to
 * what is beside it.
 */
export function nextStop(placed: Placed, from: string, direction: Direction): string {
  const stops = stopsOf(placed);
  const here = stops.find((each) => each.id === from);
  if (!here) return from;
  const others = stops.filter((each) => each.id !== from);
  const ahead = others.filter((each) => AHEAD[direction](each.x - here.x, each.y - here.y));
  if (SIDEWAYS.has(direction)) return nearest(ahead, here, 4) ?? from;
  const linked = new Set(direction === "down" ? targets(placed, from) : sources(placed, from));
  const along = (list: readonly Stop[]) =>
    nearest(
      list.filter((each) => linked.has(each.id)),
      here,
    );
  return along(ahead) ?? nearest(ahead, here) ?? along(others) ?? from;
}

const SIDEWAYS: ReadonlySet<Direction> = new Set(["left", "right"]);

const AHEAD: Readonly<Record<Direction, (x: number, y: number) => boolean>> = {
  up: (_x, y) => y < -1,
  down: (_x, y) => y > 1,
  left: (x, y) => x < -1 && Math.abs(y) <= Math.abs(x),
  right: (x, y) => x > 1 && Math.abs(y) <= Math.abs(x),
};

function stopsOf({ nodes, clusters }: Placed): readonly Stop[] {
  const titles = clusters.map(({ id, x, y, height }) => ({ id, x, y: y - height / 2 }));
  return [...nodes.filter((each) => !each.mark), ...titles];
}

/** Returns where edges lead to: into an unfolded sub-graph, or out of it from its end. */
function targets({ edges }: Placed, id: string): readonly string[] {
  const next = (from: string): readonly string[] =>
    edges.filter((edge) => edge.source === from).map((edge) => edge.target);
  const out = next(id).flatMap((each) => (isMark(each, END) ? next(around(each)) : [each]));
  return [...next(within(id, START)), ...out];
}

function sources({ edges }: Placed, id: string): readonly string[] {
  return edges
    .filter((edge) => edge.target === id)
    .map((edge) => (isMark(edge.source, START) ? around(edge.source) : edge.source));
}

const isMark = (id: string, mark: string): boolean => id.endsWith(`:${mark}`);
const around = (id: string): string => id.slice(0, id.lastIndexOf(":"));

/** drift: how much more a distance in height counts than one in width. */
function nearest(stops: readonly Stop[], here: Stop, drift = 1): string | undefined {
  const far = (each: Stop) => Math.hypot(each.x - here.x, (each.y - here.y) * drift);
  return [...stops].sort((one, other) => far(one) - far(other))[0]?.id;
}
