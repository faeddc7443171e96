"""What an operator is shown of a server."""

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seltzer import __version__
from seltzer.protocols.http.places import Places
from seltzer.runs.engine import Engine
from seltzer.runs.graph import BrokenGraph, Graph
from seltzer.settings import Settings
from seltzer.stores.choice import choose
from seltzer.stores.sqlite.files import FILE_NAME

MOUNTED = "seltzer_mounted"  # in the state of an app: what of it Seltzer serves
AUTH = "off: Seltzer asks for no key yet; anyone who can reach this address can use it"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the banner shows of a server: model lines are the graphs' own words.

    graphs has those that an async factory makes once the engine is open. data: the folder of its files.
    """

    version: str
    graphs: Collection[Graph]
    broken: Collection[BrokenGraph]
    models: Sequence[str]
    storage: str
    auth: str
    data: Path


@dataclass(frozen=True, slots=True)
class Mounted:
    """What Seltzer serves in an app, which itself is under the prefix.

    `app.state.seltzer_mounted` lists them: `seltzer serve --app` shows them, and drains their engines at its
    end. base is where in the app /chat, /info and the front page are; None: nowhere. places() has the graphs,
    docs() where in the app its documentation is.
    """

    engine: Engine
    facts: Facts
    places: Places
    docs: Callable[[], str | None]
    base: str | None = ""
    prefix: str = ""


def facts_of(engine: Engine, settings: Settings) -> Facts:
    """Return the facts of a server."""
    return Facts(
        __version__,
        engine.graphs.values(),
        engine.broken.values(),
        _model_lines(),
        _storage(settings),
        AUTH,
        settings.data,
    )


def _storage(settings: Settings) -> str:
    """Return where threads and runs are kept, without a password."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    if choose(url, settings.store).kind == "sqlite" or url is None:
        return f"SQLite in {settings.data / FILE_NAME}: threads and runs outlive the server"
    from seltzer.stores.postgres.connections.address import parse  # noqa: PLC0415  # an optional driver

    return f"Postgres at {parse(url)}: any number of servers share threads and runs"


def addresses_in(app: Any) -> Sequence[str]:
    """Return where the app's graphs are, and what else Seltzer serves in it."""
    found: list[str] = []
    for mounted in getattr(app.state, MOUNTED, ()):
        found += [place.path for place in mounted.places()]
        if mounted.base is not None:
            found += [f"{mounted.base}/chat", f"{mounted.base}/info"]
        found += [docs] if (docs := mounted.docs()) else []
    return list(dict.fromkeys(found))


def model_names() -> Sequence[str]:
    """Return which models are in use, for anyone to see: without the address of their server."""
    choice: Any = sys.modules.get("seltzer.models.choice")
    if choice is None:
        return ()
    try:
        names: Sequence[str] = choice.describe().public_lines
    except choice.ModelNotConfigured:
        return ("none: the settings name one that can't be used; the server's banner says why",)
    return names


def _model_lines() -> Sequence[str]:
    """Return which models are in use, if a graph uses ours; others choose their models in their own way."""
    choice: Any = sys.modules.get("seltzer.models.choice")
    if choice is None:
        return ()
    try:
        lines: Sequence[str] = choice.describe().lines
    except choice.ModelNotConfigured as error:  # a graph that builds one can't be loaded; others don't mind
        return (str(error),)
    return lines
