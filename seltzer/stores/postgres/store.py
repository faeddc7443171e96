"""The stores in a Postgres database, opened by one of its processes."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from langgraph.store.base import BaseStore

from seltzer.runs.ports import Stores
from seltzer.stores.checkpoints.serializer import log_blocked_classes
from seltzer.stores.items.missing import without_items
from seltzer.stores.options import DatabaseOptions, Retention, SerdeOptions, StoreOptions
from seltzer.stores.postgres.checkpoints.checkpoints import PostgresCheckpoints
from seltzer.stores.postgres.connections.address import Address, parse
from seltzer.stores.postgres.connections.database import Database
from seltzer.stores.postgres.connections.failures import as_load_errors, check_server
from seltzer.stores.postgres.connections.pooling import is_pooled
from seltzer.stores.postgres.event_log import PostgresEventLog
from seltzer.stores.postgres.migrations import migrate
from seltzer.stores.postgres.processes.hints import Hints
from seltzer.stores.postgres.processes.presence import Presence
from seltzer.stores.postgres.readiness import Readiness
from seltzer.stores.postgres.retention import LogRetention
from seltzer.stores.postgres.runs.runs import PostgresRuns
from seltzer.stores.postgres.threads import PostgresThreads

log = logging.getLogger(__name__)

DIRECT: Final = "DATABASE_DIRECT_URL"


@asynccontextmanager
async def open_postgres(
    options: DatabaseOptions,
    retention: Retention,
    *,
    serde: SerdeOptions | None = None,
    store: StoreOptions | None = None,
) -> AsyncIterator[Stores]:
    """Yield the stores in the database, migrated, until the block ends.

    serde, store: what langgraph.json sets.

    Raises LoadError if the database can't be reached, written or migrated.
    """
    address = parse(options.url)
    direct = parse(options.direct_url, DIRECT) if options.direct_url else None
    async with AsyncExitStack() as opened:
        await check_server(address)
        with as_load_errors(address):
            pooled = await is_pooled(address)
            await migrate(address)
        database = Database(address, pool_limit=options.pool_limit, is_pooled=pooled)
        await database.open()
        opened.push_async_callback(database.aclose)
        urgent = Database(address, pool_limit=1, is_pooled=pooled)
        await urgent.open()
        opened.push_async_callback(urgent.aclose)
        presence = await _present(address, direct, pooled=pooled)
        opened.push_async_callback(presence.aclose)
        hints = Hints(urgent, presence)
        opened.push_async_callback(hints.aclose)
        logs = LogRetention(database, retention_s=retention.retention_s)
        opened.push_async_callback(logs.aclose)
        logs.sweep()
        readiness = Readiness(database)
        opened.push_async_callback(readiness.aclose)
        opened.callback(log_blocked_classes())
        checkpoints = PostgresCheckpoints(
            database, kept=retention.checkpoints, turns=retention.turns or None, serde=serde
        )
        opened.push_async_callback(checkpoints.behind.flush_all)
        with as_load_errors(address):
            items = await _open_items(database, store, opened)
        yield Stores(
            PostgresRuns(database, urgent, presence, hints, logs, checkpoints.behind),
            PostgresEventLog(database, presence, events_limit=retention.events),
            PostgresThreads(database),
            checkpoints,
            items,
            check_ready=readiness.check,
        )


async def _open_items(
    database: Database, options: StoreOptions | None, opened: AsyncExitStack
) -> BaseStore | None:
    """Return the graphs' store; None if its optional package is missing. Raises LoadError."""
    try:
        from seltzer.stores.postgres.items.items import open_items  # noqa: PLC0415  # an optional driver
    except ImportError as error:
        without_items(error, options, "'seltzer[postgres]'")
        return None
    items = await open_items(database, options)
    opened.push_async_callback(items.aclose)
    return items


async def _present(address: Address, direct: Address | None, *, pooled: bool) -> Presence:
    """Return the process's presence, by a connection of its own where there is a direct way."""
    way, variable = (direct, DIRECT) if direct is not None else (address, "DATABASE_URL")
    if direct is not None:
        with as_load_errors(direct, DIRECT):
            pooled = await is_pooled(direct)
    if pooled:
        log.warning(
            "the database %s is behind a connection pooler: what other processes do is noticed by looking"
            " twice a second, and their death when their leases run out. Set %s to the database itself",
            way,
            DIRECT,
        )
        return Presence(None)
    presence = Presence(way)
    with as_load_errors(way, variable):
        await presence.open()
    return presence
