"""Engines over real SQLite folders."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from seltzer.runs.engine import Engine
from seltzer.runs.graph import AnyPregel, Graph
from seltzer.runs.ports import Stores
from seltzer.settings import Settings
from seltzer.stores.open import open_stores
from seltzer.stores.options import Retention
from tests.runs.scripted import agent, named


class Engines:
    """Opens engines, and closes them at the test's end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copies = 0
        self._opened: list[tuple[Engine, Path, Stores]] = []

    async def __call__(
        self,
        graphs: AnyPregel | Mapping[str, Graph],
        *,
        folder: Path | None = None,
        keeping: Retention | None = None,
        change: Callable[[Stores], Stores] = lambda stores: stores,
        **options: Any,
    ) -> Engine:
        """Open an engine for the graphs; a lone pregel is `agent`, a graph on messages.

        folder: an earlier engine's. change: wraps its stores.
        """
        place = folder or self._folder
        opened: list[Stores] = []
        options.setdefault("accelerate", Settings().accelerate)  # SELTZER_ACCELERATE=off tries the plain ways

        @asynccontextmanager
        async def stores() -> AsyncIterator[Stores]:
            async with open_stores(place, keeping) as found:
                opened.append(found)
                yield change(found)

        engine = Engine(graphs if isinstance(graphs, Mapping) else named(graphs), stores, **options)
        await engine.open()
        self._opened.append((engine, place, opened[0]))
        return engine

    def stores(self, engine: Engine) -> Stores:
        """Return what the engine keeps things in."""
        return next(stores for each, _, stores in self._opened if each is engine)

    async def drop_states(self, engine: Engine, thread_id: str = "t") -> None:
        """Delete the thread's states, and nothing else of it."""
        saver = self.stores(engine).checkpoints.saver_for(agent())
        await saver.adelete_thread(thread_id)

    def killed(self, engine: Engine) -> Path:
        """Return a folder as it would be if the engine's process were killed now.

        The engine continues, in its own folder.
        """
        self._copies += 1
        place = next(place for each, place, _ in self._opened if each is engine)
        copy = place.with_name(f"killed-{self._copies}")
        copy.mkdir()
        for file in place.iterdir():
            if file.suffix == ".db":
                _copy_database(file, copy / file.name)
            elif not file.name.endswith(("-wal", "-shm")):
                shutil.copyfile(file, copy / file.name)
        return copy

    def move_to(self, folder: Path) -> None:
        """Open later engines there: a killed one's folder."""
        self._folder = folder

    async def aclose(self) -> None:
        for engine, _, _ in self._opened:
            await engine.aclose()


def _copy_database(file: Path, to: Path) -> None:
    """Copy what is committed, while another thread may be writing."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


@pytest.fixture
async def engine_of(tmp_path: Path) -> AsyncIterator[Engines]:
    """Open engines: `await engine_of(agent(["hi"]), limits=Limits(runs=1))`; all in one folder, if not told
    otherwise, so that one has to be closed before the next is opened.
    """
    engines = Engines(tmp_path / "data")
    yield engines
    await engines.aclose()
