"""What the server says when it is up: what runs here, on which model, who may use it, and what to try."""

from collections.abc import Sequence
from pathlib import Path

from seltzer.runs.graph import Graph

_QUESTION = '{"text": "what is the square root of 71?"}'
_DEFAULT_URL = "http://127.0.0.1:8000"


def render(
    url: str, *, version: str, graphs: Sequence[Graph], models: Sequence[str], storage: str, auth: str
) -> str:
    """Return the banner: plain lines, no colours, ending in a newline."""
    lines = [
        f"Seltzer {version} is up at {url}",
        "",
        *_field("graphs", graph_lines(graphs)),
        *_field("model", models),
        *_field("storage", [storage]),
        *_field("auth", [auth]),
        "",
        "Try",
        *_field("curl", [f"curl -N {url}/chat -H 'content-type: application/json' -d '{_QUESTION}'"]),
        *_field("chat", ["seltzer chat" if url == _DEFAULT_URL else f"seltzer chat --url {url}"]),
        *_field("pages", _pages(url, graphs)),
        "",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines) + "\n"


def graph_lines(graphs: Sequence[Graph]) -> list[str]:
    """Return a line for each graph: name, what it takes, file and line."""
    name_width = max((len(graph.name) for graph in graphs), default=0)
    return [f"{graph.name:{name_width}}  {kind_of(graph):10}  {place_of(graph)}" for graph in graphs]


def kind_of(graph: Graph) -> str:
    """Say what the graph takes."""
    return "messages" if graph.takes_messages else "own schema"


def place_of(graph: Graph) -> str:
    """Return file:line, the file as seen from the working directory where that is shorter."""
    here = Path.cwd()
    file = graph.file.relative_to(here) if graph.file.is_relative_to(here) else graph.file
    return f"{file}:{graph.line}"


def _pages(url: str, graphs: Sequence[Graph]) -> list[str]:
    pages = []
    for graph in graphs:
        pages.append(f"{url}/{graph.name}/playground/")
        if graph.takes_messages:
            pages.append(f"{url}/{graph.name}/chat/playground/")
    return [*pages, f"{url}/docs"]


def _field(name: str, values: Sequence[str]) -> list[str]:
    return [f"  {'' if index else name:8}  {value}" for index, value in enumerate(values)]
