"""Where the graphs of one Seltzer are served, and which of them whoever uses an app may use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter

from seltzer.protocols.http.places import Place
from seltzer.protocols.langserve import RouteOptions
from seltzer.runs.graph import Graph


@dataclass(frozen=True, slots=True)
class Served:
    """The routes of one graph: at the path in the router.

    mounted_at: the prefix of the mount() that serves them; None: it is add_routes().
    """

    router: APIRouter
    graph: str
    path: str
    options: RouteOptions = field(default_factory=RouteOptions)
    dependencies: Sequence[Any] | None = None
    mounted_at: str | None = None

    @property
    def is_guarded(self) -> bool:
        """Whether a request of them has more to pass than the app's own guards."""
        return bool(self.dependencies) or self.options.modifier is not None

    def is_open_to(self, prefix: str) -> bool:
        """Whether the routes that are no graph's, of the mount() at the prefix, may ask the graph."""
        if self.mounted_at == prefix:  # its dependencies are theirs, too
            return True
        return not self.is_guarded and self.options.has("stream")


class ServedGraphs:
    """All routes of graphs that one Seltzer has in apps and routers."""

    def __init__(self) -> None:
        self._served: list[Served] = []

    def add(self, served: Served) -> None:
        """Add a graph's routes."""
        self._served.append(served)

    def check_free(self, router: APIRouter, path: str) -> None:
        """Raise ValueError if there is a graph at the path."""
        if any(each.router is router and each.path == path for each in self._served):
            raise ValueError(f"a graph is already served at {path or '/'!r} in this app")

    def check_guarded(self, served: Served) -> None:
        """Raise ValueError if the graph has guards that requests to its other routes would get around."""
        for each in self._served:
            is_same = each.router is served.router and each.graph == served.graph
            if is_same and each.mounted_at is not None and served.is_guarded:
                raise ValueError(
                    f"mount() serves {served.graph!r} at {each.path!r} already, without these guards:"
                    " call add_routes() before mount()"
                )

    def not_for_mount(self, router: APIRouter, prefix: str) -> set[str]:
        """Return the graphs that the mount() at the prefix leaves alone: it, or add_routes(), serves them."""
        return {
            each.graph
            for each in self._served
            if each.mounted_at is None or (each.router is router and each.mounted_at == prefix)
        }

    def places(self, graphs: Mapping[str, Graph], router: APIRouter, prefix: str) -> list[Place]:
        """Return where the graphs are served in the router, as seen from the front page at the prefix."""
        found = []
        for graph in graphs.values():
            there = [each for each in self._served if each.router is router and each.graph == graph.name]
            if there:
                served = min(there, key=lambda each: each.mounted_at != prefix)
                is_open = all(each.is_open_to(prefix) for each in there)
                url, has_runs = _seen_from(prefix, served.path), served.options.has("runs")
                playgrounds = served.options.playgrounds(graph)
                found.append(Place(graph, served.path, url, is_open, playgrounds, has_runs))
        return found


def _seen_from(prefix: str, path: str) -> str:
    """Return the path relative to {prefix}/."""
    if path == prefix or path.startswith(f"{prefix}/"):
        return path[len(prefix) + 1 :]
    return "../" * prefix.count("/") + path[1:]
