"""Processes that die, or only seem to, as the others on the database see them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import psycopg
import pytest

from seltzer.errors import StorageFailed
from seltzer.runs.ports import Stores, Wake
from seltzer.runs.run import Lease, RunSpec
from seltzer.stores.options import DatabaseOptions, Retention
from seltzer.stores.postgres.store import open_postgres
from tests.patience import PATIENCE_S
from tests.stores.postgres.server import TestServer

pytestmark = pytest.mark.anyio

TTL_S = 10.0 * PATIENCE_S  # no lease runs out in these tests
LOOKS = """
SELECT pid, query_start FROM pg_stat_activity
WHERE query LIKE '%has_expired%' AND datname = current_database() AND pid <> pg_backend_pid()
"""
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
    AND objid = %s AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
TERMINATE_POOLS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')
"""
PROCESS = "SELECT process FROM seltzer.runs WHERE run_id = 'r'"


class Process:
    """The stores of one process, and what it has claimed since it has begun to work()."""

    def __init__(self, name: str, url: str, stores: Stores) -> None:
        self._name = name
        self._url = url
        self._runs = stores.runs
        self._log = stores.event_log
        self._task: asyncio.Task[None] | None = None
        self._lease: Lease | None = None
        self.claimed: asyncio.Queue[Lease] = asyncio.Queue()
        self.has_stops = asyncio.Event()

    async def submit(self, run_id: str = "r") -> None:
        spec = RunSpec("agent", None, f"thread of {run_id}", run_id)
        self._lease = (await self._runs.submit(spec, self._name, TTL_S, 100)).lease

    async def stop(self, run_id: str = "r") -> None:
        """Request the run to end, while all of its pool's connections are dead."""
        await asyncio.gather(*(self._runs.get(run_id) for _ in range(8)))
        await asyncio.to_thread(ask, self._url, TERMINATE_POOLS)
        await self._runs.stop(run_id, "cancel")

    def work(self) -> None:
        self._task = asyncio.create_task(self._work())

    async def rest(self) -> None:
        """Look at nothing any more, as a process that is too busy."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        wakes = self._log.wakes()
        assert wakes is not None
        async for wake in wakes:
            if wake.has_stops and wake.events is not None:
                self.has_stops.set()
            with suppress(StorageFailed):  # as a worker does: the next wake comes
                await self._act(wake)

    async def _act(self, wake: Wake) -> None:
        if wake.has_stops and self._lease is not None:
            await self._runs.renew(self._name, [self._lease], TTL_S)
        if wake.has_queued:
            for lease in await self._runs.claim(self._name, 10, TTL_S):
                self.claimed.put_nowait(lease)


Begin = Callable[[str, str], Awaitable[tuple[Process, AsyncExitStack]]]


@pytest.fixture
async def begin() -> AsyncIterator[Begin]:
    """Return a function that begins a process on a database; to close the stack is its death."""
    async with AsyncExitStack() as closing:

        async def begin(name: str, url: str) -> tuple[Process, AsyncExitStack]:
            dying = await closing.enter_async_context(AsyncExitStack())
            stores = await dying.enter_async_context(open_postgres(DatabaseOptions(url), Retention()))
            process = Process(name, url, stores)
            dying.push_async_callback(process.rest)
            return process, dying

        yield begin


def ask(url: str, statement: str, *parameters: object) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement.encode(), parameters or None).fetchall()


async def looks(url: str, *, processes: int = 1) -> None:
    """Wait until so many processes have looked who is alive, each at least twice from now on."""
    seen: set[tuple[object, ...]] = set()
    async with asyncio.timeout(PATIENCE_S):
        while len([pid for pid, count in Counter(pid for pid, _ in seen).items() if count > 2]) < processes:
            seen |= set(await asyncio.to_thread(ask, url, LOOKS))


async def test_a_dead_processs_run_is_claimed_at_once(url: str, begin: Begin) -> None:
    one, death = await begin("one", url)
    other, _ = await begin("other", url)
    await one.submit()
    other.work()
    await looks(url)
    assert other.claimed.empty()

    await death.aclose()

    async with asyncio.timeout(PATIENCE_S):
        lease = await other.claimed.get()
    assert (lease.run.spec.run_id, lease.run.attempt) == ("r", 2)


async def test_a_hint_is_sent_though_every_connection_of_the_pool_is_dead(url: str, begin: Begin) -> None:
    one, _ = await begin("one", url)
    other, _ = await begin("other", url)
    await one.submit()
    other.work()
    await looks(url)

    await one.stop()

    async with asyncio.timeout(PATIENCE_S):
        await other.has_stops.wait()


async def test_after_a_restart_of_the_database_who_comes_back_late_keeps_its_runs(
    own_server: TestServer, begin: Begin
) -> None:
    url = own_server.url()
    one, death = await begin("one", url)
    other, _ = await begin("other", url)
    await one.submit()
    other.work()
    await looks(url)

    await asyncio.to_thread(own_server.restart)
    await looks(url)  # of `other` alone: `one` isn't back
    assert other.claimed.empty()
    one.work()
    await looks(url, processes=2)
    await looks(url, processes=2)  # now `other` has looked since `one` is back
    assert other.claimed.empty()

    await death.aclose()  # now it is really dead
    async with asyncio.timeout(PATIENCE_S):
        await other.claimed.get()


async def test_a_process_whose_connection_the_server_still_believes_in_gets_another_key(
    url: str, begin: Begin
) -> None:
    """As after a cut of the network that only one of the two ends has noticed."""
    one, _ = await begin("one", url)
    await one.submit()
    ((key,),) = await asyncio.to_thread(ask, url, PROCESS)

    def take_the_lock_over() -> psycopg.Connection:
        zombie = psycopg.connect(url, autocommit=True)
        waiting = zombie.cursor()
        ask(url, TERMINATE, key)
        waiting.execute("SELECT pg_advisory_lock(x'53454C55'::integer, %s)", (key,))
        return zombie

    zombie = await asyncio.to_thread(take_the_lock_over)
    one.work()

    async with asyncio.timeout(PATIENCE_S):
        while (await asyncio.to_thread(ask, url, PROCESS)) in ([(key,)], [(None,)]):
            pass
    zombie.close()
