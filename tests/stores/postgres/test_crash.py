"""What the database has accepted is there after it crashed."""

import asyncio

import psycopg
import pytest

from seltzer.cursor import START
from seltzer.runs.event import Event
from seltzer.runs.run import RunSpec
from seltzer.stores.options import DatabaseOptions, Retention
from seltzer.stores.postgres.store import open_postgres
from tests.patience import PATIENCE_S
from tests.stores.postgres.server import TestServer

pytestmark = pytest.mark.anyio


async def test_a_log_has_no_hole_after_a_crash_of_the_database(own_server: TestServer) -> None:
    """The attempt goes on: what it had appended before must be there, as what it appends later will be."""
    async with await psycopg.AsyncConnection.connect(own_server.url(), autocommit=True) as connection:
        await connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")  # nothing is written by chance
        await connection.execute("SELECT pg_reload_conf()")
    events = [Event(1, seq, "custom", {"n": seq}) for seq in range(1, 31)]
    options = DatabaseOptions(own_server.url())
    async with open_postgres(options, Retention()) as stores:
        await stores.runs.submit(RunSpec("agent", None, "t", "r"), "w", 10 * PATIENCE_S, 100)

        for event in events[:20]:
            assert await stores.event_log.append({"r": [event]}) == set()
        await asyncio.to_thread(own_server.restart, "immediate")
        for event in events[20:]:
            assert await stores.event_log.append({"r": [event]}) == set()

        assert (await stores.event_log.read({"r": START}))["r"] == events
