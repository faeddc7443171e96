/** Wheel, pinch and drag on an element -> how far it is moved and made larger. */
import type { Point } from "../layout/curve";

export interface Moving {
  pan(x: number, y: number): void;
  /** at: the point of the element that stays where it is. */
  zoom(factor: number, at: Point): void;
}

const PER_PIXEL = 0.0015;
const PER_PINCH = 0.01; // a trackpad's pinch comes as a wheel with Ctrl, in small steps
const LINE = 16;
const SLACK = 4; // a click may tremble

/** Calls what is moved until the returned function is called. */
export function watchGestures(element: HTMLElement, moving: Moving): () => void {
  const pointers = new Map<number, Point>();
  let isDragging = false;

  const placeOf = (event: MouseEvent): Point => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const wheel = (event: WheelEvent) => {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE;
    const [x, y] = [event.deltaX * unit, event.deltaY * unit];
    if (event.shiftKey) moving.pan(-(x || y), 0);
    else moving.zoom(Math.exp(-y * (event.ctrlKey ? PER_PINCH : PER_PIXEL)), placeOf(event));
    if (!event.shiftKey && !event.ctrlKey && x) moving.pan(-x, 0);
  };
  const down = (event: PointerEvent) => {
    if (event.button === 0) pointers.set(event.pointerId, placeOf(event));
    isDragging = pointers.size > 1;
  };
  const move = (event: PointerEvent) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = placeOf(event);
    if (!isDragging && distance(before, now) < SLACK) return;
    if (!isDragging) {
      isDragging = true;
      element.setPointerCapture(event.pointerId); // not before: a click is its target's
    }
    const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    if (other) {
      const factor = distance(now, other) / Math.max(distance(before, other), 1);
      moving.zoom(factor, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
      moving.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    } else moving.pan(now.x - before.x, now.y - before.y);
    pointers.set(event.pointerId, now);
  };
  const up = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
  };
  /** The click that ends a drag chooses nothing. */
  const click = (event: MouseEvent) => {
    if (isDragging) event.stopPropagation();
    isDragging = false;
  };

  const listening = new AbortController();
  const { signal } = listening;
  element.addEventListener("wheel", wheel, { passive: false, signal });
  element.addEventListener("pointerdown", down, { signal });
  element.addEventListener("pointermove", move, { signal });
  for (const kind of ["pointerup", "pointercancel"] as const) element.addEventListener(kind, up, { signal });
  element.addEventListener("click", click, { capture: true, signal });
  return () => listening.abort();
}

const distance = (one: Point, other: Point): number => Math.hypot(one.x - other.x, one.y - other.y);
