"""What every store's saver lists before a checkpoint, be it kept or not."""

import pytest
from langchain_core.runnables import RunnableConfig

from seltzer.runs.ports import Checkpoints
from tests.stores.conversing import echo, on, turn

pytestmark = pytest.mark.anyio

THREAD: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}


async def listed(checkpoints: Checkpoints, before: str | None = None) -> list[tuple[str, str]]:
    """Return the ids of the checkpoints and the runs that have written them, the newest first."""
    saver = checkpoints.saver_for(echo())
    place: RunnableConfig | None = {"configurable": {"thread_id": "t", "checkpoint_id": before}}
    found = saver.alist(THREAD, before=place if before is not None else None)
    return [(each.checkpoint["id"], each.metadata.get("run_id", "")) async for each in found]


async def three_turns(checkpoints: Checkpoints) -> list[tuple[str, str]]:
    pregel = on(checkpoints, echo())
    for number in (1, 2, 3):
        await turn(pregel, "hi", run_id=f"r{number}")
    return await listed(checkpoints)


async def test_those_written_before_it_are_listed(checkpoints: Checkpoints) -> None:
    every = await three_turns(checkpoints)

    for index, (checkpoint_id, _) in enumerate(every):
        assert await listed(checkpoints, checkpoint_id) == every[index + 1 :]


@pytest.mark.parametrize(("gone", "left"), [("r1", set()), ("r2", {"r1"}), ("r3", {"r1", "r2"})])
async def test_before_one_that_is_gone_those_of_earlier_times_are_listed(
    checkpoints: Checkpoints, gone: str, left: set[str]
) -> None:
    every = await three_turns(checkpoints)
    await checkpoints.roll_back("t", [gone])

    for checkpoint_id, run_id in every:
        if run_id == gone:
            found = await listed(checkpoints, checkpoint_id)
            assert {run_id for _, run_id in found} == left
            assert found == [each for each in every if each[1] in left]


async def test_as_many_are_listed_as_are_wanted_though_some_are_deleted_meanwhile(
    checkpoints: Checkpoints,
) -> None:
    await three_turns(checkpoints)
    limit = 5
    listing = checkpoints.saver_for(echo()).alist(THREAD, limit=limit)

    found = [await anext(listing)]
    await checkpoints.roll_back("t", ["r2"])
    found += [each async for each in listing]

    assert len({each.checkpoint["id"] for each in found}) == limit
