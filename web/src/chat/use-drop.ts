import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Calls onFiles with the files that are dropped on the chat around an element; returns whether some are above it. */
export function useDrop(within: RefObject<HTMLElement | null>, onFiles: (files: FileList) => void): boolean {
  const [isTarget, setTarget] = useState(false);
  const latest = useRef(onFiles);
  latest.current = onFiles;
  useLayoutEffect(() => {
    const chat = within.current?.closest<HTMLElement>(".chat");
    if (!chat) return;
    const ending = new AbortController();
    const { signal } = ending;
    const listen = (name: "dragover" | "dragleave" | "drop", listener: (event: DragEvent) => void) =>
      chat.addEventListener(name, listener, { signal });
    listen("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setTarget(true);
    });
    listen("dragleave", (event) => {
      if (!(event.relatedTarget instanceof Node) || !chat.contains(event.relatedTarget)) setTarget(false);
    });
    listen("drop", (event) => {
      setTarget(false);
      const files = event.dataTransfer?.files;
      if (!files || files.length === 0) return; // text is the field's own affair
      event.preventDefault();
      latest.current(files);
    });
    return () => ending.abort();
  }, []);
  return isTarget;
}
