import { GraphIcon, MenuIcon, MessageIcon } from "../look/icons";
import { useWords } from "../words";
import { usePlaces } from "./places";
import { hashOf, VIEWS, type Route, type View } from "./route";

interface Props {
  readonly route: Route;
  readonly isMenuOpen: boolean;
  readonly onMenu: () => void;
}

const ICONS: Readonly<Record<View, () => preact.JSX.Element>> = {
  chat: MessageIcon,
  graph: GraphIcon,
};

/** The graph's name, and the ways to look at it. */
export function Header({ route, isMenuOpen, onMenu }: Props) {
  const words = useWords();
  const placeOf = usePlaces();
  const names: Record<View, string> = { chat: words.chat, graph: words.graph };
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
        {route.graph ?? "Seltzer"}
      </h1>
      {route.graph !== null && (
        <nav class="tabs" aria-label={words.views}>
          {VIEWS.map((view) => {
            const Icon = ICONS[view];
            return (
              <a
                key={view}
                class="tab"
                href={hashOf({
                  graph: route.graph,
                  view,
                  id: view === route.view ? null : placeOf(route.graph, view),
                })}
                aria-current={view === route.view ? "page" : undefined}
              >
                <Icon />
                <span class="tab-name">{names[view]}</span>
              </a>
            );
          })}
        </nav>
      )}
    </header>
  );
}
