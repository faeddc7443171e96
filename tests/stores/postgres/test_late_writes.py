"""What a process writes late, after another one has got its run."""

import asyncio

import psycopg
import pytest

from seltzer.runs.execution.fence import LeaseLost
from seltzer.stores.options import DatabaseOptions, Retention
from seltzer.stores.postgres.store import open_postgres
from tests.patience import PATIENCE_S
from tests.stores.conformance_fences import config_of, put, state
from tests.stores.conformance_runs import leased
from tests.stores.conversing import agent

pytestmark = pytest.mark.anyio

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'seltzer.writes'::regclass"


async def test_what_is_on_its_way_when_the_run_is_lost_never_shows(url: str) -> None:
    """The statement is in the database already, and waits there while the run is handed back."""
    async with (
        open_postgres(DatabaseOptions(url), Retention()) as ours,
        open_postgres(DatabaseOptions(url), Retention()) as theirs,
        await psycopg.AsyncConnection.connect(url) as blocking,
    ):
        lease = await leased(ours.runs)
        saver = ours.checkpoints.saver_for(agent())
        stored = await put(saver, config_of(lease), "before")
        mine = config_of(lease, checkpoint_id=stored["configurable"]["checkpoint_id"])
        before = await state(saver)
        await blocking.execute("LOCK TABLE seltzer.writes IN EXCLUSIVE MODE")

        await saver.aput_writes(mine, [("messages", "late")], "task")
        async with asyncio.timeout(PATIENCE_S):
            while not await waits(url):
                pass
        assert await theirs.runs.hand_back(lease)
        await blocking.rollback()

        assert await state(saver) == before
        with pytest.raises(LeaseLost):
            await saver.aput_writes(mine, [("messages", "later")], "task")


async def waits(url: str) -> bool:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        (count,) = await (await connection.execute(WAITING)).fetchone() or (0,)
        return bool(count)
