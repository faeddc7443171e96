"""The stores of items that sit the exam, each opened as a server opens it: ITEMS."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Final

import psycopg
from langgraph.store.base import BaseStore

from seltzer.stores.open import open_stores
from seltzer.stores.options import DatabaseOptions, StoreOptions
from tests.stores.postgres.server import create_database

OpenItems = Callable[[Path, StoreOptions | None], AbstractAsyncContextManager[BaseStore]]


items_database = cache(create_database)  # the test process's, for items


@asynccontextmanager
async def open_sqlite(folder: Path, options: StoreOptions | None = None) -> AsyncIterator[BaseStore]:
    async with open_stores(folder, store=options) as stores:
        assert stores.items is not None
        yield stores.items


@asynccontextmanager
async def open_postgres(folder: Path, options: StoreOptions | None = None) -> AsyncIterator[BaseStore]:
    """Open it as a process does; the database is the test process's, and its items are deleted."""
    url = await asyncio.to_thread(items_database)
    await asyncio.to_thread(empty_items, url)
    async with open_at(url, options) as items:
        yield items


@asynccontextmanager
async def open_at(url: str, options: StoreOptions | None = None) -> AsyncIterator[BaseStore]:
    database = DatabaseOptions(url, pool_limit=4)
    async with open_stores(Path(), store=options, database=database) as stores:
        assert stores.items is not None
        yield stores.items


def empty_items(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS seltzer.store_vectors, seltzer.vector_migrations")
        if connection.execute("SELECT to_regclass('seltzer.store')").fetchone() != (None,):
            connection.execute("TRUNCATE seltzer.store")


ITEMS: Final[dict[str, OpenItems]] = {"sqlite": open_sqlite, "postgres": open_postgres}
