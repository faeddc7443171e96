"""Which graph is asked."""

from collections.abc import Callable
from difflib import get_close_matches

import typer

from seltzer.cli.chat.sources import Source
from seltzer.client import ServerError

_DEFAULT = "agent"


def choose_graph(source: Source, wanted: str | None, note: Callable[[str], None]) -> str:
    """Return the graph to ask: the wanted one, by its name or path, else agent, else the first.

    note: called with what is wrong with agent, if another is asked in its place.
    Raises ServerError for a graph that can't be loaded, and a usage error listing the graphs there are.
    """
    broken = {each.name: each for each in source.broken}
    names = [graph.name for graph in source.graphs if graph.takes_messages]
    if wanted is None and names:
        chosen = _DEFAULT if _DEFAULT in names else names[0]
        if _DEFAULT in broken:
            note(f"{_why_broken(_DEFAULT, broken[_DEFAULT].why)}; asking {chosen!r}")
        return chosen
    for graph in source.graphs:
        if wanted in (graph.name, graph.path) and graph.takes_messages:
            return graph.name
    for each in source.broken:
        if wanted in (each.name, each.path):
            raise ServerError("graph_broken", 503, _why_broken(each.name, each.why))
    is_existing = any(wanted in (graph.name, graph.path) for graph in source.graphs)
    if is_existing or wanted is None:
        why = f"it doesn't take messages; {_there(names)}"
    else:
        close = get_close_matches(wanted, names, n=1)
        why = f"there is no such graph; {_there(names)}" + (f"; is it {close[0]}?" if close else "")
    if broken:
        why += f"; broken: {', '.join(broken)}"
    raise typer.BadParameter(why, param_hint=f"--graph {wanted}" if wanted else "--graph")


def _there(names: list[str]) -> str:
    return f"there are {', '.join(names)}" if names else "none here does"


def _why_broken(name: str, why: str) -> str:
    return f"graph {name!r} can't be loaded: {why}"
