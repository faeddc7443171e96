"""The exam of the fence: nothing that an attempt writes shows once its run's row is running another, or none.

Every store sits it. As between two processes, the fence of the attempt itself isn't revoked.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint

from seltzer.cursor import START
from seltzer.runs.event import Event
from seltzer.runs.execution.fence import FENCE, Fence, LeaseLost
from seltzer.runs.ports import Checkpoints, EventLog, Runs, Threads
from seltzer.runs.run import Lease
from seltzer.runs.thread import ThreadStorage
from seltzer.stores.checkpoints.packing import LONG
from tests.stores.conformance import Clock
from tests.stores.conformance_runs import TTL_S, claim, end, found, leased, submit
from tests.stores.conversing import agent, on, texts, turn

Losing = Callable[[Runs, Lease, Clock], Awaitable[object]]


async def another_claims_it(runs: Runs, lease: Lease, clock: Clock) -> None:
    clock.now += TTL_S
    (claimed,) = await claim(runs, "b")
    assert claimed.run.attempt == lease.run.attempt + 1


async def it_is_handed_back(runs: Runs, lease: Lease, clock: Clock) -> None:
    assert await runs.hand_back(lease)


async def it_has_ended(runs: Runs, lease: Lease, clock: Clock) -> None:
    await end(runs, lease, "cancelled")


async def another_has_ended_it(runs: Runs, lease: Lease, clock: Clock) -> None:
    clock.now += TTL_S
    (claimed,) = await claim(runs, "b")
    await end(runs, claimed)
    await leased(runs, "next")


LOSSES: list[Losing] = [another_claims_it, it_is_handed_back, it_has_ended, another_has_ended_it]


def config_of(lease: Lease, **given: Any) -> RunnableConfig:
    fence = Fence(lease.run.spec.run_id, lease.run.attempt, is_thread_new=lease.is_thread_new)
    place = {"thread_id": lease.run.spec.thread_id, "checkpoint_ns": "", FENCE: fence}
    return {"configurable": {**place, **given}, "metadata": {"run_id": lease.run.spec.run_id}}


async def put(saver: BaseCheckpointSaver[Any], config: RunnableConfig, text: str) -> RunnableConfig:
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"messages": [HumanMessage(text)]}
    checkpoint["channel_versions"] = {"messages": "1"}
    return await saver.aput(config, checkpoint, {"source": "loop", "step": 1}, {"messages": "1"})


async def write(saver: BaseCheckpointSaver[Any], config: RunnableConfig) -> None:
    """Write all that an attempt does; it may learn by a later write that an earlier one was refused."""
    with suppress(LeaseLost):
        await put(saver, config, "after" * LONG)
    await saver.aput_writes(config, [("messages", "after")], "task")
    await put(saver, config, "and more")


async def state(saver: BaseCheckpointSaver[Any], thread_id: str = "t") -> Any:
    """Return all that the saver has of the thread."""
    return [each async for each in saver.alist({"configurable": {"thread_id": thread_id}})]


@pytest.mark.anyio
class FencesExam:
    """Fixtures: `runs` an empty store, `log`, `threads` and `checkpoints` its others, `clock` its clock."""

    @pytest.mark.parametrize("lose", LOSSES)
    async def test_a_fenced_attempt_changes_nothing(
        self,
        runs: Runs,
        log: EventLog,
        threads: Threads,
        checkpoints: Checkpoints,
        clock: Clock,
        lose: Losing,
    ) -> None:
        saver = checkpoints.saver_for(agent())
        lease = await leased(runs)
        stored = await put(saver, config_of(lease), "before")
        at = stored["configurable"]["checkpoint_id"]
        await log.append({"r": [Event(1, 1, "token", {})]})
        await lose(runs, lease, clock)
        before = await state(saver), await log.read({"r": START}), await found(runs)
        size = await threads.storage("t")

        mine = config_of(lease, checkpoint_id=at)
        with pytest.raises(LeaseLost):
            await write(saver, mine)
        await checkpoints.roll_back("t", ["r"], by=lease.run)
        await checkpoints.reassign("t", "r", "another", by=lease.run)
        assert await log.append({"r": [Event(1, 2, "token", {})]}) == {"r"}
        assert not await runs.finish(lease, Event(1, 3, "finished", {}), unwritten=[Event(1, 2, "token", {})])
        assert not await runs.hand_back(lease, unwritten=[Event(1, 2, "token", {})])
        assert (await runs.renew("a", [lease], TTL_S)).lost == {"r"}

        assert (await state(saver), await log.read({"r": START}), await found(runs)) == before
        assert await threads.storage("t") == size

    async def test_the_attempt_that_is_running_writes(
        self, runs: Runs, checkpoints: Checkpoints, clock: Clock
    ) -> None:
        saver = checkpoints.saver_for(agent())
        first = await leased(runs)
        await put(saver, config_of(first), "first")
        clock.now += TTL_S
        (second,) = await claim(runs, "b")

        config = await put(saver, config_of(second), "second")
        at = config["configurable"]["checkpoint_id"]
        await saver.aput_writes(config_of(second, checkpoint_id=at), [("messages", "third")], "task")

        newest = await saver.aget_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": ""}})
        assert newest is not None
        assert [each.text for each in newest.checkpoint["channel_values"]["messages"]] == ["second"]
        assert newest.pending_writes == [("task", "messages", "third")]
        await checkpoints.roll_back("t", ["r"], by=second.run)
        assert await state(saver) == []

    async def test_a_plain_use_of_the_saver_needs_no_run(self, runs: Runs, checkpoints: Checkpoints) -> None:
        pregel = on(checkpoints, agent())
        await submit(runs)

        await turn(pregel, "1")
        said = await turn(pregel, "2", run_id="made up")

        assert await texts(pregel) == said

    async def test_of_a_deleted_thread_nothing_comes_back(
        self, runs: Runs, log: EventLog, threads: Threads, checkpoints: Checkpoints, clock: Clock
    ) -> None:
        saver = checkpoints.saver_for(agent())
        lease = await leased(runs)
        clock.now += TTL_S
        (claimed,) = await claim(runs, "b")
        await end(runs, claimed)
        await threads.delete("t")

        with pytest.raises(LeaseLost):
            await write(saver, config_of(lease, checkpoint_id="gone"))
        assert await log.append({"r": [Event(1, 2, "token", {})]}) == {"r"}

        assert await state(saver) == []
        assert await log.read({"r": START}) == {}
        assert await threads.storage("t") == ThreadStorage()
