"""What the server prints when it is up: its graphs, their model, who may use it, and what to try."""

from collections.abc import Collection, Sequence
from pathlib import Path

from seltzer import __version__
from seltzer.cli.program import command_line
from seltzer.main import Mounted
from seltzer.runs.graph import BrokenGraph, Graph

_QUESTION = '{"text": "what is the square root of 71?"}'
_DEFAULT_URL = "http://127.0.0.1:8000"
_STOP = "Ctrl-C stops it."


def render(url: str, mounted: Sequence[Mounted], *, app: str | None = None, reach: str = "") -> str:
    """Return the banner: plain lines, no colours, ending in a newline.

    app: the one named, if any. reach: at which address others than this machine can reach it, if they can.
    """
    head = [f"Seltzer {__version__} is up at {url}", *([f"It listens on {reach}."] if reach else []), ""]
    if not mounted:
        return "\n".join([*head, _no_graphs(app), "", _STOP]) + "\n"
    facts = [each.facts for each in mounted]
    lines = [
        *head,
        *_field("app", [app] if app else []),
        *_field("graphs", graph_lines([graph for each in facts for graph in each.graphs])),
        *_field("broken", broken_lines([broken for each in facts for broken in each.broken])),
        *_field("model", _distinct([line for each in facts for line in each.models])),
        *_field("storage", _distinct([each.storage for each in facts])),
        *_field("auth", _distinct([each.auth for each in facts])),
        "",
        *_attempts(url, mounted),
        _STOP,
    ]
    return "\n".join(lines) + "\n"


def _attempts(url: str, mounted: Sequence[Mounted]) -> list[str]:
    """Return what to try first, as far as it is known where graphs are served."""
    lines = [
        *_field("page", [_front_page(url, each) for each in mounted if each.base is not None][:1]),
        *_field("curl", [_curl(url, each) for each in mounted if _has_chat(each)][:1]),
        *_field("chat", [_terminal(url, each) for each in mounted if each.base is not None][:1]),
        *_field("others", _distinct([page for each in mounted for page in _pages(url, each)])),
    ]
    return ["Try", *lines, ""] if lines else []


def _no_graphs(app: str | None) -> str:
    return f"{app} serves no graphs: mount some with add_routes(app, graph) or Seltzer(..).mount(app)."


def _distinct(lines: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(lines))


def graph_lines(graphs: Collection[Graph]) -> list[str]:
    """Return a line for each graph: name, input, file and line."""
    name_width = max((len(graph.name) for graph in graphs), default=0)
    return [f"{graph.name:{name_width}}  {kind_of(graph):10}  {place_of(graph)}" for graph in graphs]


def broken_lines(broken: Collection[BrokenGraph]) -> list[str]:
    """Return a line for each graph that can't be loaded: name, and why."""
    name_width = max((len(each.name) for each in broken), default=0)
    return [f"{each.name:{name_width}}  {each.reason.why}" for each in broken]


def kind_of(graph: Graph) -> str:
    """Return the kind of input the graph accepts."""
    return "messages" if graph.takes_messages else "own schema"


def place_of(graph: Graph) -> str:
    """Return file:line, the file as seen from the working directory where that is shorter."""
    here = Path.cwd()
    file = graph.file.relative_to(here) if graph.file.is_relative_to(here) else graph.file
    return f"{file}:{graph.line}"


def _has_chat(mounted: Mounted) -> bool:
    graphs = [each.graph for each in mounted.places() if each.is_open]
    return mounted.base is not None and any(each.takes_messages for each in graphs)


def _curl(url: str, mounted: Mounted) -> str:
    address = f"{url}{mounted.prefix}{mounted.base}/chat"
    return f"curl -N {address} -H 'content-type: application/json' -d '{_QUESTION}'"


def _terminal(url: str, mounted: Mounted) -> str:
    address = f"{url}{mounted.prefix}{mounted.base}"
    return command_line(["chat"] if address == _DEFAULT_URL else ["chat", "--url", address])


def _front_page(url: str, mounted: Mounted) -> str:
    return f"{url}{mounted.prefix}{mounted.base}/"


def _pages(url: str, mounted: Mounted) -> list[str]:
    here = url + mounted.prefix
    pages = [here + each.path + page for each in mounted.places() for page in reversed(each.playgrounds)]
    docs = mounted.docs()
    return [*pages, here + docs] if docs else pages


def _field(name: str, values: Sequence[str]) -> list[str]:
    return [f"  {'' if index else name:8}  {value}" for index, value in enumerate(values)]
