"""Threads in a real file, by real graphs: nothing is lost, whatever clocks, leases and restarts do."""

import asyncio
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from langchain_core.messages import HumanMessage

from seltzer.errors import StorageFailed
from seltzer.runs.execution.fence import FENCE, Fence, LeaseLost
from seltzer.stores.sqlite.checkpoints.checkpoints import SqliteCheckpoints
from tests.stores.conversing import (
    answered,
    asking,
    blocked_writes,
    config,
    counts,
    echo,
    migrated,
    nested,
    on,
    open_checkpoints,
    opened,
    rows,
    run_ids,
    texts,
    turn,
)

pytestmark = pytest.mark.anyio

HOUR_NS = 3600 * 10**9


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    return await migrated(tmp_path / "threads.db")


async def test_langgraph_passes_the_tasks_path_to_the_saver(file: Path) -> None:
    async with open_checkpoints(file) as checkpoints:
        await turn(on(checkpoints, echo()), "hi")

    paths = {path for (path,) in rows(file, "SELECT task_path FROM writes")}
    assert any("node" in path for path in paths)


async def test_a_fence_revoked_while_the_write_waits_stops_it(file: Path) -> None:
    fence = Fence()
    async with opened(file) as database:
        checkpoints = SqliteCheckpoints(database)
        pregel = on(checkpoints, echo())
        saver = checkpoints.saver_for(pregel)
        await turn(pregel, "one")
        newest = await saver.aget_tuple(config())
        assert newest is not None
        where = config(**{**newest.config["configurable"], FENCE: fence})
        before = counts(file)

        async with blocked_writes(database):
            put = asyncio.ensure_future(saver.aput(where, {**newest.checkpoint, "id": "late"}, {}, {}))
            write = asyncio.ensure_future(saver.aput_writes(where, [("messages", [])], "task"))
            await anyio.lowlevel.checkpoint()
            fence.revoke()
        ends = await asyncio.gather(put, write, return_exceptions=True)

        assert [type(end) for end in ends] == [LeaseLost, LeaseLost]
        assert counts(file) == before


async def test_the_run_that_wrote_a_checkpoint_or_a_write_is_kept_with_it(file: Path) -> None:
    async with open_checkpoints(file) as checkpoints:
        pregel = on(checkpoints, nested(asking("sure?")))
        await turn(pregel, "one", run_id="r1")
        await turn(pregel, answered("yes"), run_id="r2")

    assert run_ids(file) == {"r1", "r2"}
    assert {run_id for (run_id,) in rows(file, "SELECT run_id FROM writes")} == {"r1", "r2"}


async def test_a_cancelled_rollback_is_atomic(file: Path) -> None:
    async with open_checkpoints(file) as checkpoints:
        pregel = on(checkpoints, echo())
        before = await turn(pregel, "one")
        ends = set()
        for steps in range(1, 30):
            after = await turn(pregel, "two", run_id=f"r{steps}")
            task = asyncio.ensure_future(checkpoints.roll_back("t", [f"r{steps}"]))
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            task.cancel()
            await asyncio.wait([task])
            await checkpoints.roll_back("t", ["nobody"])  # after it

            found = await texts(pregel)
            assert found in (before, after)
            assert (f"r{steps}" in run_ids(file)) == (found == after)
            rows(file, "BEGIN IMMEDIATE")  # no transaction is open
            ends.add(found == after)
            await checkpoints.roll_back("t", [f"r{steps}"])

    assert False in ends


async def test_a_damaged_file_is_a_storage_failure(file: Path) -> None:
    async with open_checkpoints(file) as checkpoints:
        pregel = on(checkpoints, echo())
        rows(file, "DROP TABLE writes")

        with pytest.raises(StorageFailed):
            await turn(pregel, "one")


async def test_missing_messages_are_a_storage_failure(file: Path) -> None:
    async with open_checkpoints(file) as checkpoints:
        await turn(on(checkpoints, echo()), {"messages": [HumanMessage(f"{n}") for n in range(20)]})
    rows(file, "DELETE FROM checkpoint_messages")

    async with open_checkpoints(file) as checkpoints:
        with pytest.raises(StorageFailed, match="missing"):
            await texts(on(checkpoints, echo()))


async def test_another_connection_may_write_meanwhile(file: Path) -> None:
    """Somebody may look into the file with a tool of their own."""
    async with open_checkpoints(file) as checkpoints:
        pregel = on(checkpoints, echo())
        for number in range(5):
            rows(file, f"CREATE TABLE other{number} (n)")
            await turn(pregel, f"{number}")

    assert rows(file, "PRAGMA journal_mode") == [("wal",)]
