"""The native routes: mount() adds /{graph}/runs, /{graph}/threads and /{graph}/graph.

request.py     wire -> RunSpec
runs.py        the routes of runs
threads.py     the routes of threads, and of the graph itself
rendering.py   runs, threads and states -> JSON
openapi.py     what /docs says of all these
"""

import re
from typing import Final

from fastapi import FastAPI

from seltzer.protocols.http.messages import MessageLimits
from seltzer.protocols.http.routes import add_routes
from seltzer.protocols.native import runs, threads
from seltzer.protocols.native.runs import Native
from seltzer.runs.engine import Engine

__all__ = ["BODILESS", "mount"]

BODILESS: Final = re.compile("/[^/]+/runs/[^/]+/cancel")  # paths that may be posted to without a body


def mount(app: FastAPI, engine: Engine, *, limits: MessageLimits, ping_s: float) -> None:
    """Serve each graph's runs and threads."""
    native = Native(engine, limits, ping_s)
    add_routes(app, runs.routes(native))
    add_routes(app, threads.routes(native))
