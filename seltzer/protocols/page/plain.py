"""A page that needs no build and no script: what is served here, as a list with links.

All URLs are relative, so that it works under any prefix.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from string import Template
from typing import Final
from urllib.parse import quote

from starlette.requests import Request

from seltzer.protocols.http.links import docs_link, link
from seltzer.protocols.http.places import Place
from seltzer.protocols.http.routes import public_path
from seltzer.runs.graph import BrokenGraph

VARY: Final = {"vary": "accept"}
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    **VARY,
}


@dataclass(frozen=True, slots=True)
class Listing:
    """What is served here: the graphs that are open, and those that are broken."""

    version: str
    models: Sequence[str]
    places: Sequence[Place]
    broken: Collection[BrokenGraph]

    def as_json(self, request: Request) -> dict[str, object]:
        """Return what clients other than browsers get."""
        return {
            "name": "Seltzer",
            "version": self.version,
            "models": self.models,
            "graphs": [_described(each) for each in self.places],
            "broken": [{"name": each.name, "why": each.reason.public_why} for each in self.broken],
            "docs": docs_link(request),
        }

    def as_html(self, request: Request, *, is_unbuilt: bool) -> str:
        """Return the page. is_unbuilt: there should be a better one, and this one says how to build it."""
        there = [f'<a href="{escape(url)}">{name}</a>' for name, url in _links(request).items() if url]
        lines = "".join(f"<p>{escape(each)}</p>" for each in self.models)
        return _PAGE.substitute(
            version=escape(self.version),
            unbuilt=_UNBUILT if is_unbuilt else "",
            graphs="".join([*map(_item, self.places), *map(_broken_item, self.broken)]),
            asking=_ASKING if self.places else "",
            models=f"<h2>Model</h2>{lines}" if lines else "",
            curl=_curl(request) if any(each.graph.takes_messages for each in self.places) else "",
            api=f"<h2>API</h2><p>{' · '.join(there)}</p>" if there else "",
        )


def _curl(request: Request) -> str:
    command = (
        f"curl -N {_base_url(request)}/chat -H 'content-type: application/json' -d '{{\"text\": \"hello\"}}'"
    )
    return f"<h2>Try it</h2><pre><code>{escape(command)}</code></pre>"


def _described(place: Place) -> dict[str, str | None]:
    graph, playgrounds = place.graph, _playgrounds(place)
    return {
        "name": graph.name,
        "description": graph.description,
        "playground": playgrounds[0] if playgrounds else None,
    }


def _links(request: Request) -> Mapping[str, str | None]:
    """Return where the app's documentation is, as seen from the page."""
    openapi = getattr(request.app, "openapi_url", None)
    return {"Documentation": docs_link(request), "OpenAPI": link(request, openapi)}


def _playgrounds(place: Place) -> list[str]:
    return [quote(f"{place.url}{each}".lstrip("/")) for each in place.playgrounds]


def _base_url(request: Request) -> str:
    """Return the address the client used, without a slash at its end."""
    return f"{request.url.scheme}://{request.url.netloc}{public_path(request.scope)}".rstrip("/")


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


_UNBUILT: Final = (
    "<p class=note>This is a plain list: the page itself isn't built. It is built with the package, by"
    " Node: <code>make web</code> in a clone, else <code>pip install</code> with npm's registry.</p>"
)
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
$unbuilt
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
