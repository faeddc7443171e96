import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Turn } from "./model/turn";

/** What a reader looks at, and where it is on the screen. */
interface Anchor {
  readonly element: Element;
  readonly top: number;
}

/** Keeps the answer that is read where it is when more of the turns' work is filled in, before it or in it. */
export function useStillness(list: RefObject<HTMLElement | null>, turns: readonly Turn[]): void {
  const details = turns.map((each) => each.detail).join();
  const first = turns[0]?.key;
  const known = useRef({ details, first });
  const anchor = useRef<Anchor | null>(null);
  // When turns are put in front, useScroll does it.
  if (known.current.details !== details && known.current.first === first && list.current) {
    anchor.current = anchorIn(list.current);
    list.current.style.overflowAnchor = "none"; // the browser would do it, too
  }
  useLayoutEffect(() => {
    known.current = { details, first };
    const frame = list.current;
    if (frame === null) return;
    if (anchor.current?.element.isConnected)
      frame.scrollTop += topOf(anchor.current.element) - anchor.current.top;
    anchor.current = null;
    const resumed = requestAnimationFrame(() => (frame.style.overflowAnchor = ""));
    return () => {
      cancelAnimationFrame(resumed);
      frame.style.overflowAnchor = "";
    };
  }, [details, first]);
}

/** Returns the answer in the middle of what is in view; where there is none, the first turn. */
function anchorIn(list: HTMLElement): Anchor | null {
  const { top, bottom } = list.getBoundingClientRect();
  const isInView = (each: Element) => {
    const place = each.getBoundingClientRect();
    return place.bottom > top && place.top < bottom;
  };
  const farness = (each: Element) => {
    const place = each.getBoundingClientRect();
    return Math.abs(place.top + place.bottom - top - bottom);
  };
  const seen = [...list.querySelectorAll(".turn")].filter(isInView);
  const answers = seen.flatMap((each) => [...each.querySelectorAll(".answer-text")]).filter(isInView);
  const element = answers.sort((a, b) => farness(a) - farness(b))[0] ?? seen[0];
  return element ? { element, top: topOf(element) } : null;
}

const topOf = (element: Element): number => element.getBoundingClientRect().top;
