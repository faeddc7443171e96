"""A graph's nodes and edges, as LangGraph describes them."""

import logging
from functools import partial
from typing import TypeAlias

from seltzer.errors import GraphNotDrawn
from seltzer.runs.authors_code import AuthorsCodeFailed, call_authors_code
from seltzer.runs.event import Json
from seltzer.runs.graph import Graph
from seltzer.runs.threads.snapshots import off_loop

log = logging.getLogger(__name__)

Xray: TypeAlias = bool | int
"""Whether sub-graphs are unfolded: none, all, or down to a depth."""


async def draw(graph: Graph, xray: Xray = False) -> Json:
    """Return the graph's `nodes` and `edges`. A node of an unfolded sub-graph is named `parent:child`.

    It runs in a thread: LangGraph calls the author's writers and edges for it, and a sub-graph that is a
    RemoteGraph asks its server. Raises GraphNotDrawn if one of them fails.
    """
    try:
        return await off_loop(partial(call_authors_code, _describe, graph, xray))
    except AuthorsCodeFailed as error:
        log.warning("graph %r can't be drawn", graph.name, exc_info=error.__cause__)
        raise GraphNotDrawn(graph.name, type(error.__cause__).__name__) from error


def _describe(graph: Graph, xray: Xray) -> Json:
    return graph.pregel.get_graph(xray=xray).to_json()
