"""The store that graphs share: LangGraph's AsyncSqliteStore, in a file of its own beside the threads'.

Departs from using it as it is:

1. it is opened by its first use: a server whose graphs have no use for it has no file, thread or task for it;
2. its file is in WAL mode, like the threads';
3. where Python's SQLite can't load extensions, the distance that a search by meaning sorts by is computed in
   Python. LangGraph's store keeps vectors in a plain table and needs no other of the extension's functions.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import AsyncExitStack
from contextvars import Context
from math import hypot
from operator import mul
from pathlib import Path
from struct import unpack
from typing import Any, Final

import aiosqlite
from langgraph.store.base import IndexConfig, Op, Result
from langgraph.store.sqlite.aio import AsyncSqliteStore

from seltzer.errors import LoadError, StorageClosed, StorageFailed
from seltzer.stores.items.configuration import embeddings_of
from seltzer.stores.items.loop_items import LoopItems
from seltzer.stores.options import IndexOptions, StoreOptions

LOADS_EXTENSIONS: Final = hasattr(sqlite3.Connection, "enable_load_extension")


class SqliteItems(LoopItems):
    """The store in a file, until aclose()."""

    def __init__(self, file: Path, options: StoreOptions) -> None:
        super().__init__(options)
        self._file = file
        self._options = options
        self._opening: asyncio.Task[AsyncSqliteStore] | None = None
        self._opened = AsyncExitStack()
        self._is_closed = False

    async def open_now(self) -> None:
        """Open the file without waiting for its first use. Raises LoadError if that fails."""
        try:
            await self._store()
        except sqlite3.Error as error:
            raise LoadError(
                f"the store {self._file} can't be opened",
                f"SQLite: {error}",
                "make the file and its folder writable; if the file is damaged, move it away",
            ) from error

    async def execute(self, ops: Sequence[Op]) -> list[Result]:
        """Do what is asked. Raises StorageFailed where SQLite fails."""
        try:
            return await (await self._store()).abatch(ops)
        except sqlite3.Error as error:
            raise StorageFailed("the store's items can't be read or written now; try again later") from error

    async def aclose(self) -> None:
        """Close the file; does nothing the second time."""
        self._is_closed = True
        if self._opening is not None:
            await asyncio.wait([self._opening])
        await self._opened.aclose()
        self._opening = None

    async def _store(self) -> AsyncSqliteStore:
        if self._is_closed:
            raise StorageClosed("the server is stopping; try again when it is back")
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            # What the store starts lives as long as the server: it gets nothing of its first user's context.
            self._opening = self._loop.create_task(self._open(), name="open store", context=Context())
        return await asyncio.shield(self._opening)

    async def _open(self) -> AsyncSqliteStore:
        index = await asyncio.to_thread(_index_config, self._options.index)
        async with AsyncExitStack() as opened:
            factory = sqlite3.Connection if LOADS_EXTENSIONS else WithDistance
            connection = await opened.enter_async_context(
                aiosqlite.connect(self._file, isolation_level=None, factory=factory)
            )
            await connection.execute("PRAGMA journal_mode = WAL")
            await connection.execute("PRAGMA synchronous = NORMAL")
            store = AsyncSqliteStore(connection, index=index, ttl=self.ttl_config)
            await store.setup()
            if self.ttl_config is not None:
                await store.sweep_ttl()  # what expired while no server ran
                await store.start_ttl_sweeper()
                opened.push_async_callback(store.stop_ttl_sweeper)
            self._opened = opened.pop_all()
            return store


class WithDistance(sqlite3.Connection):
    """A connection that answers to load_extension() by the one function of sqlite-vec's that is needed."""

    def enable_load_extension(self, enable: bool, /) -> None:
        pass

    def load_extension(self, name: str, /, *, entrypoint: str | None = None) -> None:
        self.create_function("vec_distance_cosine", 2, cosine_distance, deterministic=True)


def cosine_distance(one: bytes, other: bytes) -> float | None:
    """Return the distance of two vectors of floats as sqlite-vec stores them; None if one of them is zero."""
    ours, theirs = (unpack(f"<{len(raw) // 4}f", raw) for raw in (one, other))
    length = hypot(*ours) * hypot(*theirs)
    return 1.0 - sum(map(mul, ours, theirs)) / length if length else None


async def open_items(file: Path, options: StoreOptions | None = None) -> SqliteItems:
    """Return the store in the file: opened at once if it has an index or a TTL, so that faults show at start.

    Raises LoadError if it can't be opened, or its embedding model's package is missing.
    """
    options = options or StoreOptions()
    items = SqliteItems(file, options)
    if options.index is not None or options.ttl is not None:
        await items.open_now()
    return items


def _index_config(options: IndexOptions | None) -> Any:
    """Return the index in LangGraph's form. Raises LoadError."""
    if options is None:
        return None
    fields = list(options.fields)
    config = IndexConfig(dims=options.dims, embed=embeddings_of(options), fields=fields)
    return {**config, "text_fields": fields}  # the name by which LangGraph's SQLite store looks for them
