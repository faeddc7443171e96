"""The front page: GET / is HTML for a browser, JSON for other clients.

All URLs are relative, so that it works under any prefix.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from html import escape
from string import Template
from typing import Final, TypeAlias
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from seltzer.protocols.api_docs import docs_path
from seltzer.protocols.http.accept import accepts
from seltzer.protocols.http.declaration import Declaration
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.places import Place, Places
from seltzer.protocols.http.routes import Routes, public_path
from seltzer.runs.engine import Engine
from seltzer.runs.graph import BrokenGraph

Models: TypeAlias = Callable[[], Sequence[str]]

PROTOCOL: Final = Declaration("page", reserved=frozenset({"docs", "openapi.json"}))
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "vary": "accept",
}


def router(engine: Engine, guards: Guards, places: Places, *, version: str, models: Models) -> APIRouter:
    """Return the route of the front page, which shows the graphs that are open, and those that are broken.

    models: names the models in use, as far as that is known.
    """
    routes = Routes(guards)

    @routes.get("/", include_in_schema=False)
    async def front(request: Request) -> Response:
        shown, links = [each for each in places() if each.is_open], _links(request)
        broken = engine.broken.values()
        if accepts(request, "text/html"):
            page = _page(shown, broken, models(), version, _base_url(request), links)
            return HTMLResponse(page, headers=_HEADERS)
        described = {
            "name": "Seltzer",
            "version": version,
            "models": models(),
            "graphs": [_described(each) for each in shown],
            "broken": [{"name": each.name, "why": each.reason.public_why} for each in broken],
            "docs": links["Documentation"],
        }
        return JSONResponse(described, headers={"vary": "accept"})

    return routes


def _links(request: Request) -> Mapping[str, str | None]:
    """Return where the app's documentation is, as seen from the page."""
    root = request.scope.get("root_path", "").rstrip("/")
    here = request.scope["path"].removeprefix(root)
    places = {"Documentation": docs_path(request.app), "OpenAPI": getattr(request.app, "openapi_url", None)}
    return {name: path and "../" * (here.count("/") - 1) + path.lstrip("/") for name, path in places.items()}


def _described(place: Place) -> dict[str, str | None]:
    graph, playgrounds = place.graph, _playgrounds(place)
    return {
        "name": graph.name,
        "description": graph.description,
        "playground": playgrounds[0] if playgrounds else None,
    }


def _playgrounds(place: Place) -> list[str]:
    return [quote(f"{place.url}{each}".lstrip("/")) for each in place.playgrounds]


def _base_url(request: Request) -> str:
    """Return the address the client used, without a slash at its end."""
    return f"{request.url.scheme}://{request.url.netloc}{public_path(request.scope)}".rstrip("/")


def _page(
    places: list[Place],
    broken: Collection[BrokenGraph],
    models: Sequence[str],
    version: str,
    base_url: str,
    links: Mapping[str, str | None],
) -> str:
    curl = ""
    if any(each.graph.takes_messages for each in places):
        command = f"curl -N {base_url}/chat -H 'content-type: application/json' -d '{{\"text\": \"hello\"}}'"
        curl = f"<h2>Try it</h2><pre><code>{escape(command)}</code></pre>"
    there = [f'<a href="{escape(url)}">{name}</a>' for name, url in links.items() if url]
    lines = "".join(f"<p>{escape(each)}</p>" for each in models)
    return _PAGE.substitute(
        version=escape(version),
        graphs="".join([*map(_item, places), *map(_broken_item, broken)]),
        asking=_ASKING if places else "",
        models=f"<h2>Model</h2>{lines}" if lines else "",
        curl=curl,
        api=f"<h2>API</h2><p>{' · '.join(there)}</p>" if there else "",
    )


def _item(place: Place) -> str:
    name, description = escape(place.graph.name), escape(place.graph.description)
    titles = ("Playground", "Single turns")
    links = [
        f'<a href="{escape(url)}">{title}</a>'
        for url, title in zip(_playgrounds(place), titles, strict=False)
    ]
    about = f"<p>{description}</p>" if description else ""
    return f"<li><h3>{name}</h3>{about}<p>{' · '.join(links)}</p></li>"


def _broken_item(broken: BrokenGraph) -> str:
    why = f"<p>It can't be loaded: {escape(broken.reason.public_why)}</p>"
    return f'<li class="broken"><h3>{escape(broken.name)}</h3>{why}</li>'


_ASKING: Final = (
    "<p class=note>Where a graph stops to ask a person, its playground can't answer:"
    " <code>seltzer chat --graph NAME</code> can, and so can <code>POST NAME/runs/ID/resume</code>.</p>"
)
_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Seltzer</title>
<style>
:root {
  color-scheme: light dark;
  --text: #1c2024; --dim: #60646c; --back: #fcfcfd; --card: #ffffff; --line: #e0e1e6; --link: #0b68cb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #edeef0; --dim: #b0b4ba; --back: #111113; --card: #18191b; --line: #363a3f; --link: #70b8ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 3rem 1.25rem; max-width: 46rem; background: var(--back); color: var(--text);
  font: 1rem/1.55 system-ui, sans-serif;
}
h1 { margin: 0; font-size: 2rem; letter-spacing: -0.02em; }
h2 { margin: 2.25rem 0 0.75rem; font-size: 1.1rem; }
h3 { margin: 0; font: 600 1rem ui-monospace, monospace; }
p { margin: 0.25rem 0 0; color: var(--dim); }
a { color: var(--link); text-underline-offset: 0.15em; }
ul { display: grid; gap: 0.75rem; margin: 0; padding: 0; list-style: none; }
li, pre {
  padding: 1rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem;
}
pre {
  margin: 0; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 0.875rem/1.5 ui-monospace, monospace; user-select: all;
}
.note { margin-top: 0.75rem; font-size: 0.875rem; }
.broken { border-style: dashed; }
footer { margin-top: 2.5rem; font-size: 0.875rem; color: var(--dim); }
</style>
</head>
<body>
<main>
<h1>Seltzer</h1>
<p>LangGraph agents, streamed token by token</p>
<h2>Graphs</h2>
<ul>$graphs</ul>
$asking
$models
$curl
$api
</main>
<footer>Seltzer $version</footer>
</body>
</html>
""")
