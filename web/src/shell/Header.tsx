import { BesideIcon, GraphIcon, MenuIcon, MessageIcon, RunsIcon } from "../look/icons";
import { useWords } from "../words";
import { usePlaces } from "./places";
import { hashOf, VIEWS, type Route, type View } from "./route";
import type { Beside } from "./use-beside";

interface Props {
  readonly route: Route;
  /** The graph that the views of one graph show; null: there is none. */
  readonly home: string | null;
  readonly beside: Beside;
  readonly isMenuOpen: boolean;
  readonly onMenu: () => void;
}

const ICONS: Readonly<Record<View, () => preact.JSX.Element>> = {
  chat: MessageIcon,
  graph: GraphIcon,
  runs: RunsIcon,
};

/** The graph's name, and the ways to look at it. */
export function Header({ route, home, beside, isMenuOpen, onMenu }: Props) {
  const words = useWords();
  const placeOf = usePlaces();
  const names: Record<View, string> = { chat: words.chat, graph: words.graph, runs: words.runs };
  const routeTo = (view: View): Route =>
    view === "runs"
      ? { graph: null, view, id: null }
      : { graph: home, view, id: view === route.view ? null : placeOf(home, view) };
  return (
    <header class="header">
      <button
        type="button"
        class="button is-quiet is-icon menu-button"
        aria-label={words.openMenu}
        aria-expanded={isMenuOpen}
        aria-controls="sidebar"
        onClick={onMenu}
      >
        <MenuIcon />
      </button>
      <h1 class="title" dir="auto">
        {route.graph ?? (route.view === "runs" ? words.runs : "Seltzer")}
      </h1>
      {home !== null && (
        <nav class="tabs" aria-label={words.views}>
          {VIEWS.map((view, index) => {
            const Icon = ICONS[view];
            return (
              <a
                key={view}
                class="tab"
                href={hashOf(routeTo(view))}
                aria-current={view === route.view ? "page" : undefined}
                data-hotkey={index + 1}
              >
                <Icon />
                <span class="tab-name">{names[view]}</span>
              </a>
            );
          })}
        </nav>
      )}
      {beside.isPossible && (
        <button
          type="button"
          class="button is-quiet is-icon beside-button"
          aria-label={words.showGraphBeside}
          title={words.showGraphBeside}
          aria-pressed={beside.isOpen}
          data-hotkey="g"
          onClick={beside.toggle}
        >
          <BesideIcon />
        </button>
      )}
    </header>
  );
}
