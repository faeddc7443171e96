import type { ComponentChildren } from "preact";
import { AlertIcon, BookIcon, KeyboardIcon, PlusIcon } from "../look/icons";
import type { Info } from "../server/info";
import { ThreadList } from "../threads/ThreadList";
import { useWords } from "../words";
import { hashOf, type Route } from "./route";

interface Props {
  readonly info: Info;
  readonly route: Route;
  readonly onShortcuts: () => void;
  readonly children: ComponentChildren;
}

/** What is here: the graphs, the threads of the one that is shown, and below them the reader's tastes. */
export function Sidebar({ info, route, onShortcuts, children }: Props) {
  const words = useWords();
  const graph = info.graphs.find((each) => each.name === route.graph);
  return (
    <>
      <nav class="sidebar-part is-graphs" aria-label={words.graphs}>
        <h2 class="sidebar-heading">{words.graphs}</h2>
        <ul class="links">
          {info.graphs.map((graph) => (
            <li key={graph.name}>
              <a
                class="link"
                href={hashOf({ graph: graph.name, view: route.view, id: null })}
                aria-current={graph.name === route.graph ? "page" : undefined}
                title={graph.description || undefined}
                dir="auto"
              >
                {graph.name}
              </a>
            </li>
          ))}
          {info.broken.map((graph) => (
            <li key={graph.name} class="link is-broken" title={graph.why}>
              <AlertIcon />
              <span>{words.brokenGraph(graph.name)}</span>
            </li>
          ))}
        </ul>
      </nav>
      {graph && (
        <nav class="sidebar-part is-growing" aria-label={words.threads}>
          <h2 class="sidebar-heading">{words.threads}</h2>
          <a class="link" href={hashOf({ graph: graph.name, view: "chat", id: null })} data-hotkey="n">
            <PlusIcon />
            {words.newThread}
          </a>
          <ThreadList
            graph={graph.name}
            path={graph.path}
            current={route.view === "chat" ? route.id : null}
          />
        </nav>
      )}
      <div class="sidebar-foot">
        {children}
        <button type="button" class="link shortcuts-button" onClick={onShortcuts}>
          <KeyboardIcon />
          {words.shortcuts}
        </button>
        <div class="sidebar-row">
          {info.docs && (
            <a class="link" href={info.docs}>
              <BookIcon />
              {words.docs}
            </a>
          )}
        </div>
        <p class="version">{words.version(info.version)}</p>
      </div>
    </>
  );
}
