"""Hints that can't be sent for a while."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from seltzer.runs.ports import Wake
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.connections.database import Connection, Database, pause
from seltzer.stores.postgres.migrations import migrate
from seltzer.stores.postgres.processes.hints import EVENTS_LIMIT, Hints
from seltzer.stores.postgres.processes.presence import Presence
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.anyio


class Occupied:
    """A database whose only connection is in use until `freed`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.freed = asyncio.Event()
        self._is_in = asyncio.Event()

    async def occupy(self) -> None:
        self._task = asyncio.create_task(self.database.execute(self._work))
        await self._is_in.wait()

    async def _work(self, connection: Connection) -> None:
        self._is_in.set()
        await self.freed.wait()


@pytest.fixture
async def occupied(url: str) -> AsyncIterator[Occupied]:
    await migrate(parse(url))
    database = Database(parse(url), pool_limit=1)
    await database.open()
    occupied = Occupied(database)
    await occupied.occupy()
    yield occupied
    occupied.freed.set()
    await database.aclose()


async def test_hints_that_failed_are_sent_again_with_those_posted_meanwhile(
    occupied: Occupied, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    seeing = Presence(parse(url))
    await seeing.open()
    hints = Hints(occupied.database, Presence(None))

    hints.post(["r1"], has_stops=True)
    async with asyncio.timeout(PATIENCE_S):
        while "the database failed" not in caplog.text:
            await pause(0.01)
    hints.post(["r2"], has_queued=True)
    occupied.freed.set()

    seen: list[Wake] = []
    async with asyncio.timeout(PATIENCE_S), aclosing(seeing.wakes()) as wakes:
        async for wake in wakes:
            seen.append(wake)
            if {run_id for each in seen for run_id in each.events or ()} == {"r1", "r2"}:
                break
    assert any(each.has_stops for each in seen)
    assert any(each.has_queued for each in seen)
    await hints.aclose()
    await seeing.aclose()


async def test_too_many_runs_become_any(occupied: Occupied, url: str) -> None:
    seeing = Presence(parse(url))
    await seeing.open()
    hints = Hints(occupied.database, Presence(None))

    hints.post(["r"])
    for n in range(EVENTS_LIMIT + 1):
        hints.post([str(n)])
    occupied.freed.set()

    async with asyncio.timeout(PATIENCE_S), aclosing(seeing.wakes()) as wakes:
        async for wake in wakes:
            if wake.events is None:
                break
    await hints.aclose()
    await seeing.aclose()


async def test_a_process_that_ends_does_not_wait_for_a_database_that_fails(occupied: Occupied) -> None:
    hints = Hints(occupied.database, Presence(None))
    hints.post(["r"])

    await hints.aclose()  # with its connection still in use

    assert not occupied.freed.is_set()
