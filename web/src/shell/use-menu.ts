import { useEffect, useRef, useState } from "preact/hooks";
import { hashOf, type Route } from "./route";

/** The sidebar as a menu, where the window is too narrow to show it always: open, until a choice or Escape. */
export function useMenu(route: Route) {
  const sidebar = useRef<HTMLElement>(null);
  const opener = useRef<Element | null>(null);
  const [isOpen, setOpen] = useState(false);
  const close = () => setOpen(false);

  const hash = hashOf(route);
  const shown = useRef(hash);
  useEffect(() => {
    if (hash !== shown.current) close();
    shown.current = hash;
  }, [hash]);
  useEffect(() => {
    if (!isOpen) return;
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

  const open = () => {
    opener.current = document.activeElement; // now: what becomes inert loses the focus
    setOpen(true);
  };
  return { sidebar, isOpen, open, close };
}
