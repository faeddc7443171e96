import { useEffect, useState } from "preact/hooks";
import { keepTaste, taste } from "../look/tastes";
import type { Route } from "./route";

/** How wide a window is that has room for the graph beside the chat. */
const ROOM = "(min-width: 68.75rem)";

/** What stands beside the chat. */
export interface Beside {
  /** Whether there is room for it in this view. */
  readonly isPossible: boolean;
  readonly isOpen: boolean;
  readonly toggle: () => void;
}

/** Returns whether the graph stands beside the chat: as the reader has it, in a window with room for both. */
export function useBeside(route: Route): Beside {
  const [isWanted, setWanted] = useState(() => taste("beside") === "graph");
  const hasRoom = useMedia(ROOM);
  const isPossible = hasRoom && route.view === "chat" && route.graph !== null;
  const toggle = () => {
    keepTaste("beside", isWanted ? "none" : "graph");
    setWanted(!isWanted);
  };
  return { isPossible, isOpen: isPossible && isWanted, toggle };
}

function useMedia(query: string): boolean {
  const [isMatched, setMatched] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = () => setMatched(list.matches);
    changed();
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [query]);
  return isMatched;
}
