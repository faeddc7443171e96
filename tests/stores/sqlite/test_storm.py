"""Whatever is being deleted when a process is killed: its file is whole, and has nothing that no thread has.

STORM_SEEDS plays more.
"""

import asyncio
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest

from seltzer.stores.checkpoints.spans import difference, loads, numbers_of
from seltzer.stores.open import open_stores
from seltzer.stores.sqlite.files import FILE_NAME
from tests.patience import PATIENCE_S
from tests.stores.conversing import config, on, rows
from tests.stores.sqlite.storm import THREADS, answering

pytestmark = pytest.mark.anyio

SEEDS: Final = range(int(os.environ.get("STORM_SEEDS", "1")))
KILLS: Final = 2
ORPHANS: Final[Mapping[str, str]] = {
    "runs of no thread": "SELECT run_id FROM runs WHERE thread_id NOT IN (SELECT thread_id FROM threads)",
    "logs of no run": "SELECT run_id FROM logs WHERE run_id NOT IN (SELECT run_id FROM runs)",
    "writes on no checkpoint": """
        SELECT w.seq FROM writes AS w
            LEFT JOIN checkpoints AS c USING (thread_id, checkpoint_ns, checkpoint_id)
        WHERE c.seq IS NULL AND w.thread_id NOT IN (SELECT thread_id FROM erased_threads)
    """,
    "states of no thread": """
        SELECT DISTINCT thread_id FROM checkpoints WHERE thread_id NOT IN (
            SELECT thread_id FROM threads UNION SELECT thread_id FROM erased_threads
        )
    """,
    "messages of no thread": """
        SELECT DISTINCT thread_id FROM checkpoint_messages WHERE thread_id NOT IN (
            SELECT thread_id FROM threads UNION SELECT thread_id FROM erased_threads
        )
    """,
}
LISTS: Final = """
SELECT lists FROM checkpoints WHERE thread_id = :thread_id AND lists IS NOT NULL
UNION ALL SELECT lists FROM writes WHERE thread_id = :thread_id AND lists IS NOT NULL
"""


def check_file(file: Path) -> None:
    """Check what holds at any moment, whoever was killed then."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        for what, statement in ORPHANS.items():
            assert connection.execute(statement).fetchall() == [], what
        erased = {thread_id for (thread_id,) in connection.execute("SELECT thread_id FROM erased_threads")}
        for thread_id in {*THREADS} - erased:
            check_messages(connection, thread_id)


def check_messages(connection: sqlite3.Connection, thread_id: str) -> None:
    """Check that a thread's messages are those that its states have."""
    place = {"thread_id": thread_id}
    lists = [spans for (found,) in connection.execute(LISTS, place) for spans in loads(found).values()]
    stored = connection.execute("SELECT number FROM checkpoint_messages WHERE thread_id = :thread_id", place)
    numbers = {number for (number,) in stored}
    assert numbers == set(numbers_of(difference([span for spans in lists for span in spans], ())))


async def killed_amid(folder: Path, seed: int, things: int) -> None:
    """Run a storm, and kill it after so many things."""
    command = (sys.executable, "-m", "tests.stores.sqlite.storm", str(folder), str(seed))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    with anyio.fail_after(PATIENCE_S):
        for _ in range(things):
            assert await process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        await process.wait()


def check_talk(messages: list[Any]) -> None:
    """Check that each answer is that to the question before it."""
    texts = [message.content for message in messages]
    for before, text in pairwise(texts):
        assert text == f"re: {before}" or not text.startswith("re: ")


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_storm_of_deletions_and_kills_leaves_a_whole_file(tmp_path: Path, seed: int) -> None:
    chance, file = random.Random(seed), tmp_path / FILE_NAME
    for number in range(KILLS):
        await killed_amid(tmp_path, seed * 1_000 + number, chance.randint(1, 40))
        await asyncio.to_thread(check_file, file)

    async with open_stores(tmp_path) as stores:
        pregel = on(stores.checkpoints, answering())
        for thread_id in THREADS:
            async for state in pregel.aget_state_history(config(thread_id)):
                check_talk(state.values.get("messages", []))
        with anyio.fail_after(PATIENCE_S):
            while rows(
                file, "SELECT thread_id FROM erased_threads UNION ALL SELECT thread_id FROM erased_logs"
            ):
                await anyio.lowlevel.checkpoint()
    await asyncio.to_thread(check_file, file)
