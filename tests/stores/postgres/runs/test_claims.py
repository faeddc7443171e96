"""What a process claims of the others' runs, and when."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from seltzer.errors import StorageFailed
from seltzer.runs.run import Lease
from seltzer.stores.options import DatabaseOptions, Retention
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.connections.database import Database
from seltzer.stores.postgres.migrations import migrate
from seltzer.stores.postgres.processes.presence import GRACE_S, Presence
from seltzer.stores.postgres.runs.claims import Claim
from seltzer.stores.postgres.store import open_postgres
from tests.stores.conformance import Clock
from tests.stores.conformance_runs import TTL_S, claim, ids, leased, spec, waiting
from tests.stores.opened import Opened, one_process

pytestmark = pytest.mark.anyio

RENAME = "ALTER TABLE seltzer.runs RENAME TO elsewhere"
RENAME_BACK = "ALTER TABLE seltzer.elsewhere RENAME TO runs"


@pytest.fixture
def clock() -> Clock:
    """What a process measures its grace by."""
    return Clock()


@pytest.fixture
async def opened(url: str, clock: Clock) -> AsyncIterator[Opened]:
    """A process without a connection of its own, which has just been started."""
    await migrate(parse(url))
    async with one_process(url, Presence(None, time=clock)) as opened:
        yield opened


async def execute(url: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(statement.encode())


async def run_out(opened: Opened) -> Lease:
    """Return another process's lease that has run out, as after an outage."""
    lease = await leased(opened.runs, worker="another")
    opened.clock.now += TTL_S + 1
    return lease


async def test_a_new_process_gives_those_who_live_time_to_renew(opened: Opened, clock: Clock) -> None:
    lease = await run_out(opened)

    clock.now += GRACE_S - 0.1
    assert await claim(opened.runs, "b") == []
    clock.now += 0.2

    assert ids(await claim(opened.runs, "b")) == [lease.run.spec.run_id]


@pytest.mark.parametrize("verb", ["renew", "claim"])
async def test_so_does_a_process_that_could_not_use_the_database(
    opened: Opened, clock: Clock, url: str, verb: str
) -> None:
    clock.now += GRACE_S
    lease = await run_out(opened)
    await execute(url, RENAME)
    with pytest.raises(StorageFailed):
        await (claim(opened.runs, "b") if verb == "claim" else opened.runs.renew("b", [lease], TTL_S))
    await execute(url, RENAME_BACK)

    assert await claim(opened.runs, "b") == []
    assert await opened.runs.renew("another", [lease], TTL_S) == (set(), {})
    clock.now += GRACE_S
    assert await claim(opened.runs, "b") == []  # it was renewed
    opened.clock.now += TTL_S + 1
    assert ids(await claim(opened.runs, "b")) == ["r"]


async def test_what_waits_is_claimed_at_once(opened: Opened) -> None:
    await waiting(opened.runs)

    assert ids(await claim(opened.runs, "b")) == ["r"]


async def test_a_claim_whose_answer_is_lost_is_found_by_the_next_try(opened: Opened, url: str) -> None:
    """As it is when the connection is cut after the commit."""
    for n in range(3):
        await waiting(opened.runs, str(n), f"t{n}")
    database = Database(parse(url), pool_limit=1)
    await database.open()
    one, other = (
        Claim("b", 2, TTL_S, graphs=None, process=None, gone={}, has_settled=True),
        Claim("b", 2, TTL_S, graphs=None, process=None, gone={}, has_settled=True),
    )

    unseen = await database.transact(one.rows)
    seen = await database.transact(one.rows)
    next_ones = await database.transact(other.rows)

    assert {(row["run_id"], row["attempt"]) for row in unseen} == {("0", 1), ("1", 1)}
    assert seen == unseen
    assert [(row["run_id"], row["attempt"]) for row in next_ones] == [("2", 1)]
    await database.aclose()


async def test_leases_are_renewed_and_hints_sent_though_the_pool_is_busy(url: str) -> None:
    async with open_postgres(DatabaseOptions(url, pool_limit=1), Retention()) as stores:
        lease = (await stores.runs.submit(spec(), "a", TTL_S, 1)).lease
        assert lease is not None
        async with await psycopg.AsyncConnection.connect(url) as blocking:
            await blocking.execute("LOCK TABLE seltzer.threads")
            blocked = asyncio.create_task(stores.threads.get("t"))
            await is_blocked(url)

            assert await stores.runs.renew("a", [lease], TTL_S) == (set(), {})

            assert not blocked.done()
        await blocked


async def is_blocked(url: str) -> None:
    """Wait until a statement waits for a lock."""
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while await (await connection.execute(waiting)).fetchone() is None:
            pass


async def test_a_direct_address_that_is_pooled_is_reported_and_not_used(
    pooled_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    options = DatabaseOptions(pooled_url, direct_url=pooled_url)
    async with open_postgres(options, Retention()) as stores:
        wakes = stores.event_log.wakes()
        assert wakes is not None

        assert (await anext(wakes)).has_queued  # by looking now and then

    assert [each.message for each in caplog.records if "DATABASE_DIRECT_URL" in each.message] == [
        next(each.message for each in caplog.records if "behind a connection pooler" in each.message)
    ]
