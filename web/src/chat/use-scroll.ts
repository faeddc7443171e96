import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const NEAR_PX = 48; // as near to the end counts as there

/** Keeps a list at its end while it grows, unless the reader has gone up; loads what is earlier at its top. */
export function useScroll(
  threadId: string | null,
  turns: readonly { readonly key: string }[],
  asked: number,
  hasEarlier: boolean,
  onEarlier: () => Promise<void>,
) {
  const frame = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLParagraphElement>(null);
  const sticks = useRef(true);
  const [isAtEnd, setAtEnd] = useState(true);

  const toEnd = () => {
    sticks.current = true;
    setAtEnd(true);
    if (frame.current) frame.current.scrollTop = frame.current.scrollHeight;
  };
  const onScroll = () => {
    const list = frame.current;
    if (list === null) return;
    const isNear = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX;
    sticks.current = isNear;
    setAtEnd(isNear);
  };

  useKeptPlace(frame, turns);
  useLayoutEffect(toEnd, [threadId, asked]);
  useEffect(() => {
    const list = frame.current;
    if (list === null || content.current === null) return;
    const grown = new ResizeObserver(() => {
      if (sticks.current) list.scrollTop = list.scrollHeight;
      else onScroll();
    });
    grown.observe(content.current);
    grown.observe(list);
    return () => grown.disconnect();
  }, []);
  useEffect(() => {
    const mark = top.current;
    if (frame.current === null || mark === null || !hasEarlier) return;
    let isLoading = false;
    const load = async () => {
      isLoading = true;
      await onEarlier().finally(() => {
        isLoading = false;
      });
      seen.unobserve(mark);
      seen.observe(mark); // which reports anew whether it is seen: what has come may be short
    };
    const seen = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting && !isLoading && !sticks.current) void load();
      },
      { root: frame.current, rootMargin: "200px 0px 0px" },
    );
    seen.observe(mark);
    return () => seen.disconnect();
  }, [hasEarlier, threadId]);

  return { frame, content, top, onScroll, isAtEnd, toEnd };
}

/** Keeps what the reader looks at where it is when earlier turns are put in front. */
function useKeptPlace(
  frame: RefObject<HTMLElement | null>,
  turns: readonly { readonly key: string }[],
): void {
  const first = turns[0]?.key;
  const before = useRef(first);
  const fromEnd = useRef<number | null>(null);
  const list = frame.current;
  // Measured just before they are: the reader may have scrolled since they were asked for.
  if (list && first !== before.current && turns.some((turn) => turn.key === before.current)) {
    fromEnd.current = list.scrollHeight - list.scrollTop;
  }
  before.current = first;
  useLayoutEffect(() => {
    if (fromEnd.current !== null && frame.current) {
      frame.current.scrollTop = frame.current.scrollHeight - fromEnd.current;
    }
    fromEnd.current = null;
  });
}
