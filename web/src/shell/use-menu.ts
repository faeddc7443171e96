import { useEffect, useRef, useState } from "preact/hooks";
import { hashOf, type Route } from "./route";

/** The sidebar as a menu, where the window is too narrow to show it always: open, until a choice or Escape. */
export function useMenu(route: Route) {
  const sidebar = useRef<HTMLElement>(null);
  const opener = useRef<Element | null>(null);
  const [isOpen, setOpen] = useState(false);
  const close = () => setOpen(false);

  useEffect(close, [hashOf(route)]);
  useEffect(() => {
    if (!isOpen) return;
    opener.current = document.activeElement;
    sidebar.current?.querySelector<HTMLElement>("button, a")?.focus();
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape") close();
    };
    addEventListener("keydown", onKey);
    return () => {
      removeEventListener("keydown", onKey);
      if (opener.current instanceof HTMLElement) opener.current.focus();
    };
  }, [isOpen]);

  return { sidebar, isOpen, open: () => setOpen(true), close };
}
