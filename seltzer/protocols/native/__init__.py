"""The native routes of runs, threads and the graph itself: /{graph}/runs, /{graph}/threads, /{graph}/graph.

bodies.py      bodies, as pydantic models
queries.py     queries, likewise
request.py     a body -> RunSpec
runs.py        the routes of runs
run_list.py    the routes that list runs
log.py         the route of a run's stored events
graphs.py      the routes of the graph itself
threads.py     the routes of threads
edits.py       the routes that edit a thread between its runs
rendering.py   runs, threads and states -> JSON
"""

from collections.abc import Callable
from typing import Final

from fastapi import APIRouter

from seltzer.protocols.http.bodies.messages import InputLimits
from seltzer.protocols.http.bodies.modifier import ConfigModifier
from seltzer.protocols.http.declaration import Declaration
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.routes import Routes
from seltzer.protocols.native import edits, graphs, log, run_list, runs, threads
from seltzer.protocols.native.run_list import server_router
from seltzer.protocols.native.runs import Native
from seltzer.runs.engine import Engine

__all__ = ["PROTOCOL", "router", "server_router"]

PROTOCOL: Final = Declaration("native", reserved=frozenset({"runs"}))


def router(
    engine: Engine,
    guards: Guards,
    *,
    limits: InputLimits,
    ping_s: float,
    page_bytes: int,
    graph: str | None = None,
    modifier: ConfigModifier | None = None,
    has: Callable[[str], bool] = lambda endpoint: True,
) -> APIRouter:
    """Return the routes of each graph's runs and threads.

    Of one graph if it is named: then the paths begin at /runs, /threads and /graph, for the includer to give
    them a prefix. has: whether `runs`, `threads` and `graph` are to be there.
    """
    native, routes = Native(engine, guards, limits, ping_s, page_bytes, graph, modifier), Routes(guards)
    parts = {
        "runs": [runs.add_routes, run_list.add_routes, log.add_routes, edits.add_withdraw_route],
        "threads": [threads.add_routes, edits.add_state_route],
        "graph": [graphs.add_routes],
    }
    for name, adding in parts.items():
        for add in adding if has(name) else ():
            add(routes, native)
    return routes
