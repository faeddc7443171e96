/** Which part of a drawing is seen: it is drawn `scale` times as large, and then moved by x and y. */

export interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Rect extends Size {
  readonly x: number;
  readonly y: number;
}

export const SCALES = { least: 0.1, most: 3, step: 1.25 };
const EDGE = 16;
const TOOLS = { width: 600, height: 56 }; // on a narrow window, they would be over the drawing
const READABLE = 0.7;

/** Returns the view with all of a drawing in a window, in its middle; no larger than it is. */
export function fit(drawing: Size, window: Size): View {
  const height = window.height - (window.width < TOOLS.width ? TOOLS.height : 0);
  const room = { width: window.width - 2 * EDGE, height: height - 2 * EDGE };
  const scale = clamp(
    Math.min(1, room.width / Math.max(drawing.width, 1), room.height / Math.max(drawing.height, 1)),
  );
  return { x: (window.width - drawing.width * scale) / 2, y: (height - drawing.height * scale) / 2, scale };
}

/** Returns the view to begin with: all of it, or as much as can be read, from where it begins. */
export function begin(drawing: Size, window: Size, start: { readonly x: number }): View {
  const whole = fit(drawing, window);
  if (whole.scale >= READABLE) return whole;
  const scale = READABLE;
  const width = drawing.width * scale;
  const middle = window.width / 2 - start.x * scale;
  const x =
    width <= window.width ? (window.width - width) / 2 : Math.max(Math.min(middle, 0), window.width - width);
  return { x, y: Math.max(0, (window.height - drawing.height * scale) / 2), scale };
}

/** Returns the view that is larger by a factor; the point of the window stays where it is. */
export function zoom(view: View, factor: number, at: { readonly x: number; readonly y: number }): View {
  const scale = clamp(view.scale * factor);
  const by = scale / view.scale;
  return { x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by, scale };
}

export function pan(view: View, x: number, y: number): View {
  return { ...view, x: view.x + x, y: view.y + y };
}

/** Returns the view, moved just as far as is needed to see a rectangle of the drawing. */
export function reveal(view: View, rect: Rect, window: Size): View {
  const along = (start: number, size: number, offset: number, room: number) => {
    const [from, to] = [start * view.scale + offset, (start + size) * view.scale + offset];
    if (from < EDGE) return EDGE - from;
    return to > room - EDGE ? Math.max(room - EDGE - to, EDGE - from) : 0;
  };
  const x = along(rect.x, rect.width, view.x, window.width);
  const y = along(rect.y, rect.height, view.y, window.height);
  return x || y ? pan(view, x, y) : view;
}

const clamp = (scale: number): number => Math.min(Math.max(scale, SCALES.least), SCALES.most);
