import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { rowsIn, scrollFor } from "../model/rows";

const ROW_PX = 30;
const FINGER_PX = 44;

/** The rows in sight of a list that is too long to be rendered. */
export function useRows(count: number) {
  const rowPx = useRef(matchMedia("(pointer: coarse)").matches ? FINGER_PX : ROW_PX).current;
  const frame = useRef<HTMLDivElement>(null);
  const [sight, setSight] = useState({ top: 0, height: 0 });
  const measure = () => {
    const { scrollTop: top = 0, clientHeight: height = 0 } = frame.current ?? {};
    setSight((before) => (before.top === top && before.height === height ? before : { top, height }));
  };
  useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    if (frame.current) observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);

  const shown = useRef(0);
  /** Scrolls to a row, if the reader wants it so: or else only while the one before it was in sight. */
  const show = (row: number, isWanted: boolean) => {
    const list = frame.current;
    if (list === null) return;
    const { scrollTop, clientHeight } = list;
    const before = shown.current * rowPx;
    const wasInSight = before >= scrollTop - rowPx && before <= scrollTop + clientHeight;
    shown.current = Math.max(0, row);
    if (isWanted || wasInSight) {
      list.scrollTop = scrollFor(shown.current, scrollTop, clientHeight, rowPx);
      measure();
    }
  };
  return { frame, rowPx, show, onScroll: measure, ...rowsIn(sight.top, sight.height, rowPx, count) };
}
