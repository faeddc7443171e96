"""A run that is rolled back was never there."""

from collections.abc import Callable

import pytest

from seltzer.runs.graph import AnyPregel
from tests.stores.conversing import (
    agent,
    answered,
    asking,
    echo,
    nested,
    on,
    seen,
    texts,
    turn,
)
from tests.stores.state_stores import StateStore

pytestmark = pytest.mark.anyio

Wrap = Callable[[AnyPregel], AnyPregel]


def lasting(pregel: AnyPregel) -> AnyPregel:
    """Return a graph around the other one, which keeps its own state from turn to turn."""
    pregel.checkpointer = True
    return nested(pregel)


wraps = pytest.mark.parametrize("wrap", [lambda p: p, nested, lasting], ids=["root", "nested", "lasting"])


@wraps
@pytest.mark.parametrize("make", [echo, agent])
async def test_a_finished_run_is_rolled_back(
    store: StateStore, wrap: Wrap, make: Callable[[], AnyPregel]
) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, wrap(make()))
        for number in range(4):
            talked = await turn(pregel, f"{number}", run_id=f"r{number}")
        before, sizes = await seen(pregel), await store.counts()
        await turn(pregel, "taken back", run_id="r")

        await checkpoints.roll_back("t", ["r"])

        assert await seen(pregel) == before
        assert await store.counts() == sizes
        assert (await turn(pregel, "next"))[: len(talked) + 1] == [*talked, "next"]


@wraps
async def test_an_interrupted_run_is_rolled_back(store: StateStore, wrap: Wrap) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, wrap(asking("a?")))
        await turn(pregel, "zero", run_id="r0")
        await turn(pregel, answered("A"), run_id="r1")
        before, sizes = await seen(pregel), await store.counts()
        await turn(pregel, "one", run_id="r2")

        await checkpoints.roll_back("t", ["r2"])

        assert await seen(pregel) == before
        assert await store.counts() == sizes
        await turn(pregel, "next", run_id="r3")
        assert await turn(pregel, answered("B"), run_id="r4") == ["zero", "answered A", "next", "answered B"]


@wraps
@pytest.mark.parametrize("prunes", [False, True])
async def test_an_answer_is_rolled_back_with_its_question(
    store: StateStore, wrap: Wrap, prunes: bool
) -> None:
    async with store.open(kept=1) as checkpoints:
        pregel = on(checkpoints, wrap(asking("a?", "b?")))
        await turn(pregel, "zero", run_id="r0")
        await turn(pregel, answered("A"), run_id="r1")
        await turn(pregel, answered("B"), run_id="r2")
        before = await seen(pregel)
        for text, run_id in (("one", "r3"), (answered("A"), "r4"), (answered("B"), "r5")):
            await turn(pregel, text, run_id=run_id)
            if prunes:
                await checkpoints.prune("t")

        await checkpoints.roll_back("t", ["r3", "r4", "r5"])

        assert await seen(pregel) == before
        assert not {"r3", "r4", "r5"} & await store.run_ids()
        assert await turn(pregel, "next", run_id="r6") == ["zero", "answered A, B", "next"]


@wraps
async def test_an_answer_alone_is_rolled_back_and_the_question_is_open_again(
    store: StateStore, wrap: Wrap
) -> None:
    """The second question takes the first one's place in LangGraph's pending writes."""
    async with store.open() as checkpoints:
        pregel = on(checkpoints, wrap(asking("a?", "b?")))
        await turn(pregel, "one", run_id="r1")
        asked_first = await seen(pregel)
        await turn(pregel, answered("wrong"), run_id="r2")
        asked_second = await seen(pregel)
        await turn(pregel, answered("B"), run_id="r3")

        assert [each.value for _, _, (each,), *_ in asked_first["tasks"]] == ["a?"]
        assert [each.value for _, _, (each,), *_ in asked_second["tasks"]] == ["b?"]
        await checkpoints.roll_back("t", ["r3"])
        assert await seen(pregel) == asked_second
        await checkpoints.roll_back("t", ["r2"])
        assert await seen(pregel) == asked_first

        await turn(pregel, answered("A"), run_id="r4")
        assert await turn(pregel, answered("B"), run_id="r5") == ["one", "answered A, B"]


async def test_the_first_run_of_a_thread_is_rolled_back(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, agent())
        await turn(pregel, "one", run_id="r1")

        await checkpoints.roll_back("t", ["r1"])

        assert await texts(pregel) == []
        assert set((await store.counts()).values()) == {0}


async def test_a_run_longer_than_what_is_kept_is_rolled_back(store: StateStore) -> None:
    async with store.open(kept=2) as checkpoints:
        pregel = on(checkpoints, agent())
        for number in range(3):
            talked = await turn(pregel, f"{number}", run_id=f"r{number}")
            await checkpoints.prune("t")
        before = await seen(pregel)
        await turn(pregel, "taken back", run_id="r")
        await checkpoints.prune("t")

        await checkpoints.roll_back("t", ["r"])

        assert await seen(pregel) == before
        assert (await turn(pregel, "next"))[: len(talked) + 1] == [*talked, "next"]


async def test_a_fork_is_rolled_back(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        await turn(pregel, "one", run_id="r1")
        fork = (await pregel.aget_state({"configurable": {"thread_id": "t"}})).config["configurable"]
        await turn(pregel, "two", run_id="r2")
        before = await seen(pregel)
        await turn(pregel, "other", run_id="r3", checkpoint_id=fork["checkpoint_id"])

        await checkpoints.roll_back("t", ["r3"])

        assert await seen(pregel) == before


async def test_other_threads_and_runs_are_left_alone(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, agent())
        await turn(pregel, "one", "t", run_id="r1")
        await turn(pregel, "one", "other", run_id="r1")
        before, other = await seen(pregel), await seen(pregel, "other")

        await checkpoints.roll_back("t", ["nobody"])
        await checkpoints.roll_back("t", [])
        await checkpoints.roll_back("none", ["r1"])

        assert await seen(pregel) == before
        assert await seen(pregel, "other") == other


@wraps
async def test_what_was_made_another_runs_is_rolled_back_with_that_one(store: StateStore, wrap: Wrap) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, wrap(agent()))
        await turn(pregel, "zero", run_id="r0")
        before, sizes = await seen(pregel), await store.counts()
        await turn(pregel, "one", run_id="r1")
        await turn(pregel, "two", run_id="r2")

        await checkpoints.reassign("t", "r2", "r1")
        after = await seen(pregel)

        await checkpoints.roll_back("t", ["r2"])
        assert await seen(pregel) == after
        await checkpoints.roll_back("t", ["r1"])
        assert (await seen(pregel), await store.counts()) == (before, sizes)
