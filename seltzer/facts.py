"""What an operator is shown of a server."""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from seltzer import __version__
from seltzer.runs.engine import Engine
from seltzer.runs.graph import BrokenGraph, Graph
from seltzer.settings import Settings
from seltzer.stores.open import FILE_NAME

AUTH = "off: anyone who can reach this address can use it"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the banner shows of a server: model lines are the graphs' own words.

    graphs has those that an async factory makes once the engine is open.
    """

    version: str
    graphs: Collection[Graph]
    broken: Collection[BrokenGraph]
    models: Sequence[str]
    storage: str
    auth: str


@dataclass(frozen=True, slots=True)
class Mounted:
    """What Seltzer serves in an app, under the prefix; None if it is in a router, which doesn't know it.

    `app.state.seltzer` lists them: `seltzer serve --app` shows them, and drains their engines at its end.
    """

    engine: Engine
    facts: Facts
    prefix: str | None = ""


def facts_of(engine: Engine, settings: Settings) -> Facts:
    """Return the facts of a server."""
    storage = f"SQLite in {settings.data / FILE_NAME}: threads and runs outlive the server"
    return Facts(__version__, engine.graphs.values(), engine.broken.values(), _model_lines(), storage, AUTH)


def _model_lines() -> Sequence[str]:
    """Return which models are in use, if a graph uses ours; others choose their models in their own way."""
    models: Any = sys.modules.get("seltzer.models")
    return () if models is None else models.describe().lines
