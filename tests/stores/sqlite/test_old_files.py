"""A file that an earlier Seltzer wrote is opened and read as it was.

files/version_4.sql is one by the last Seltzer whose states had a ref for each of their messages: thread
`long` has five turns, the last one forked after the second; `asking` and `asking-long` wait for an answer.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from seltzer.stores.checkpoints.spans import loads
from tests.stores.conversing import (
    agent,
    answered,
    asking,
    config,
    counts,
    on,
    open_checkpoints,
    rows,
    texts,
    turn,
)

pytestmark = pytest.mark.anyio

WRITTEN: Final = Path(__file__).parent / "files" / "version_4.sql"
FORKED: Final = [text for number in range(2) for text in (f"question {number}", "", "4", "it is 4")]
LONG: Final = [*FORKED, "other", "", "4", "it is 4"]


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    def write() -> Path:
        path = tmp_path / "seltzer.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(WRITTEN.read_text())
        return path

    return await asyncio.to_thread(write)


async def test_all_of_its_states_are_read(file: Path) -> None:
    ends = {}
    async with open_checkpoints(file) as checkpoints:
        pregel = on(checkpoints, agent())
        async for state in pregel.aget_state_history(config("long")):
            ends[(state.metadata or {})["run_id"]] = [each.content for each in state.values["messages"]]
        newest = await texts(pregel, "long")

    assert newest == LONG
    assert set(ends) == {f"r{number}" for number in range(5)}
    assert all(found == LONG[: len(found)] for run_id, found in ends.items() if run_id not in ("r2", "r3"))
    assert rows(file, "SELECT count(*) FROM checkpoints WHERE type = 'packed'") == [(0,)]


async def test_its_threads_continue(file: Path) -> None:
    async with open_checkpoints(file, kept=3, turns=None) as checkpoints:
        pregel = on(checkpoints, agent())
        assert await turn(pregel, "more", "long", run_id="new") == [*LONG, "more", "", "4", "it is 4"]
        await checkpoints.prune("long")
        await checkpoints.roll_back("long", ["new"])
        assert await texts(pregel, "long") == LONG
        questions = on(checkpoints, asking("a?"))
        assert await turn(questions, answered("A"), "asking") == ["short", "answered A"]
        given = [f"m{number}" for number in range(10)]
        assert await turn(questions, answered("B"), "asking-long") == [*given, "answered B"]


async def test_its_messages_are_numbered_in_the_order_of_its_lists(file: Path) -> None:
    async with open_checkpoints(file) as checkpoints:
        await texts(on(checkpoints, agent()), "long")

    lists: list[Any] = [loads(found) for (found,) in rows(file, _LISTS, ("asking-long",))]
    assert {spans for found in lists for spans in found.values()} == {((1, 11),)}
    assert counts(file, "long")["checkpoint_messages"] == 5 * 4
    assert [number for (number,) in rows(file, _NUMBERS, ("long",))] == list(range(1, 21))


_LISTS = "SELECT lists FROM checkpoints WHERE thread_id = ? AND lists IS NOT NULL"
_NUMBERS = "SELECT number FROM checkpoint_messages WHERE thread_id = ? ORDER BY number"
