import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const NEAR_PX = 48; // as near to the end counts as there

/** Keeps a list at its end while it grows, unless the reader has gone up; loads what is earlier at its top. */
export function useScroll(
  threadId: string | null,
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
    const list = frame.current;
    if (list === null || top.current === null || !hasEarlier) return;
    let isLoading = false;
    const load = async () => {
      isLoading = true;
      const fromEnd = list.scrollHeight - list.scrollTop;
      await onEarlier();
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          list.scrollTop = list.scrollHeight - fromEnd; // what the reader looks at stays where it is
          isLoading = false;
        }),
      );
    };
    const seen = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting && !isLoading && !sticks.current) void load();
      },
      { root: list, rootMargin: "200px 0px 0px" },
    );
    seen.observe(top.current);
    return () => seen.disconnect();
  }, [hasEarlier, threadId]);

  return { frame, content, top, onScroll, isAtEnd, toEnd };
}
