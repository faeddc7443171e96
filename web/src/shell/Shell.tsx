import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { CloseIcon } from "../look/icons";
import { ServerError } from "@seltzer/client";
import type { Info } from "../server/info";
import { useWords } from "../words";
import { Header } from "./Header";
import { lazy } from "./lazy";
import { Main } from "./Main";
import { NewerNotice } from "./Newer";
import { Notice } from "./Notice";
import { ReachNotice } from "./Reach";
import { START, type Route } from "./route";
import { Sidebar } from "./Sidebar";
import { useShortcuts } from "./shortcuts/use-shortcuts";
import { useBeside } from "./use-beside";
import { useInfo } from "./use-info";
import { useMenu } from "./use-menu";
import { navigate, useRoute } from "./use-route";

const ShortcutSheet = lazy(async () => (await import("./shortcuts/ShortcutSheet")).ShortcutSheet);

/** The page's frame: the sidebar, the header, and what the route shows. children: the foot of the sidebar. */
export function Shell({ children }: { children: ComponentChildren }) {
  const words = useWords();
  const route = useRoute();
  const [known, ask] = useInfo();
  const info = known && "info" in known ? known.info : null;
  const menu = useMenu(route);
  const home = useHome(route, info);
  const beside = useBeside(route);
  const shortcuts = useShortcuts(menu.open);

  useTitle(route);

  return (
    <div class="shell">
      <a class="skip button" href="#content" onClick={skip}>
        {words.skip}
      </a>
      <aside id="sidebar" class="sidebar" ref={menu.sidebar} data-open={menu.isOpen}>
        <div class="sidebar-row">
          <p class="brand">Seltzer</p>
          <button
            type="button"
            class="button is-quiet is-icon menu-button"
            aria-label={words.closeMenu}
            onClick={menu.close}
          >
            <CloseIcon />
          </button>
        </div>
        {info && (
          <Sidebar info={info} route={route} onShortcuts={shortcuts.open}>
            {children}
          </Sidebar>
        )}
      </aside>
      <div class="scrim" hidden={!menu.isOpen} onClick={menu.close} />
      <div class="stage" inert={menu.isOpen}>
        <Header route={route} home={home} beside={beside} isMenuOpen={menu.isOpen} onMenu={menu.open} />
        <ReachNotice />
        <NewerNotice />
        <main id="content" class="content" tabIndex={-1}>
          {info && <Main info={info} route={route} isBeside={beside.isOpen} />}
          {known === null && <p class="note placeholder">{words.loading}</p>}
          {known && "error" in known && known.error instanceof ServerError && (
            <Notice text={words.failed} detail={known.error.message} action={words.tryAgain} onAction={ask} />
          )}
        </main>
      </div>
      {shortcuts.isOpen && <ShortcutSheet shortcuts={shortcuts} />}
    </div>
  );
}

/** Returns the graph that was shown last, else the first one, which is shown where the address names none. */
function useHome(route: Route, info: Info | null): string | null {
  const last = useRef<string | null>(null);
  last.current = route.graph ?? last.current;
  const first = info?.graphs[0]?.name ?? null;
  useEffect(() => {
    if (route.graph !== null || route.view === "runs" || first === null) return;
    navigate({ ...START, graph: first }, { replace: true });
  }, [first, route]);
  return last.current ?? first;
}

function useTitle({ graph, view }: Route): void {
  const words = useWords();
  useEffect(() => {
    const parts = [view === "runs" ? words.runs : null, graph, "Seltzer"];
    document.title = parts.filter((each) => each !== null).join(" · ");
  }, [graph, view, words]);
}

/** Moves the focus to the content; the address stays, as its hash is a route. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
