import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { placeOf, type Turn } from "./model/turn";

const NEAR = "600px 0px"; // as near to what is shown counts as in view

/** Calls onSight when a turn comes into view of which more may be known. */
export function useSight(article: RefObject<HTMLElement | null>, turn: Turn, onSight: () => void): void {
  const isWanted = turn.ending !== null && turn.detail !== "all";
  useEffect(() => {
    const own = article.current;
    if (!isWanted || own === null) return;
    const watching = new IntersectionObserver(
      (entries) => {
        if (entries.some((each) => each.isIntersecting)) onSight();
      },
      { root: own.closest(".turns"), rootMargin: NEAR },
    );
    watching.observe(own);
    return () => watching.disconnect();
  }, [isWanted, placeOf(turn)]);
}
