"""Where graphs are served, for the routes that are no graph's: /chat, /info and the front page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from seltzer.runs.graph import Graph


@dataclass(frozen=True, slots=True)
class Place:
    """Where a graph is served.

    path is where its routes begin, within the app; url is the same as seen from the front page.
    is_open: whoever may use the routes that are no graph's may use this graph, which has no guards of its
    own. playgrounds are the paths of its playgrounds below path, the one that is a chat first. has_runs: its
    native routes of runs are there.
    """

    graph: Graph
    path: str
    url: str
    is_open: bool
    playgrounds: Sequence[str]
    has_runs: bool = True


Places: TypeAlias = Callable[[], Sequence[Place]]
