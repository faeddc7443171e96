import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { watchGestures } from "./gestures";
import { begin, fit, pan, reveal, SCALES, zoom, type Rect, type Size, type View } from "./view";

const START: View = { x: 0, y: 0, scale: 1 };

export interface Viewport {
  /** The element that the drawing is seen in. */
  readonly window: RefObject<HTMLDivElement | null>;
  readonly view: View;
  zoomIn(): void;
  zoomOut(): void;
  fit(): void;
  reveal(rect: Rect): void;
}

/**
 * The part of a drawing that is seen: its beginning, until the reader has moved it or made it larger.
 *
 * start: where the drawing begins. work: what is at work; as long as the view isn't the reader's own, it is followed.
 */
export function useViewport(drawing: Size, start: { readonly x: number }, work: Rect | null): Viewport {
  const element = useRef<HTMLDivElement>(null);
  const [view, setView] = useState(START);
  const isOwn = useRef(false);
  const size = (): Size => ({
    width: element.current?.clientWidth ?? 0,
    height: element.current?.clientHeight ?? 0,
  });
  const change = (next: (view: View) => View) => {
    isOwn.current = true;
    setView(next);
  };
  const beginNow = () => {
    const first = begin(drawing, size(), start);
    setView(work ? reveal(first, work, size()) : first);
  };

  useLayoutEffect(() => {
    if (!isOwn.current) beginNow();
    const watching = new ResizeObserver(() => {
      if (!isOwn.current) beginNow();
    });
    if (element.current) watching.observe(element.current);
    return () => watching.disconnect();
  }, [drawing]);
  useLayoutEffect(() => {
    if (!isOwn.current && work) setView((before) => reveal(before, work, size()));
  }, [work?.x, work?.y]);

  useEffect(() => {
    if (!element.current) return;
    return watchGestures(element.current, {
      pan: (x, y) => change((before) => pan(before, x, y)),
      zoom: (factor, at) => change((before) => zoom(before, factor, at)),
    });
  }, []);

  const zoomAtMiddle = (factor: number) => {
    const { width, height } = size();
    change((before) => zoom(before, factor, { x: width / 2, y: height / 2 }));
  };
  return {
    window: element,
    view,
    zoomIn: () => zoomAtMiddle(SCALES.step),
    zoomOut: () => zoomAtMiddle(1 / SCALES.step),
    fit: () => change(() => fit(drawing, size())),
    reveal: (rect) => {
      const next = reveal(view, rect, size());
      if (next !== view) change(() => next);
    },
  };
}
