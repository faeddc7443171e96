"""A deleted thread leaves nothing in the file or its -wal, which shrink; others aren't kept waiting by it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Final

import anyio
import anyio.lowlevel
import pytest
from langchain_core.messages import AIMessage

from seltzer.cursor import START
from seltzer.errors import StorageFailed
from seltzer.runs.event import Event
from seltzer.runs.ports import Stores
from seltzer.stores.open import open_stores
from seltzer.stores.options import Retention
from seltzer.stores.sqlite.database import open_database
from seltzer.stores.sqlite.files import FILE_NAME
from seltzer.stores.sqlite.upkeep import Upkeep
from tests.patience import PATIENCE_S
from tests.stores.conformance_runs import end, leased
from tests.stores.conversing import graph, migrated, on, rows, texts, turn

pytestmark = pytest.mark.anyio

SECRET: Final = "the gold is buried under the old oak "
TURNS: Final = 12
TEXT: Final = SECRET * 500  # 18 KB
TABLES: Final = ("threads", "runs", "logs", "events", "checkpoints", "writes", "checkpoint_messages")
MARKS: Final = ("erased_threads", "erased_logs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def stores(folder: Path) -> AsyncIterator[Stores]:
    async with open_stores(folder) as stores:
        yield stores


async def talk(stores: Stores, thread_id: str = "t", turns: int = TURNS, text: str = TEXT) -> None:
    """Run turns as the engine does, in whose messages and events the text is."""
    pregel = on(stores.checkpoints, graph(lambda state: {"messages": [AIMessage(text)]}))
    for number in range(turns):
        run_id = f"{thread_id} {number}"
        lease = await leased(stores.runs, run_id, thread_id)
        await turn(pregel, text, thread_id, run_id=run_id)
        unwritten = [Event(1, 1, "custom", text)]
        await end(stores.runs, lease, unwritten=unwritten, seq=2)


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob(f"{FILE_NAME}*"))


def traces(folder: Path) -> dict[str, int]:
    """Return how often the secret is in each of the database's files."""
    return {file.name: file.read_bytes().count(SECRET.encode()) for file in folder.glob(f"{FILE_NAME}*")}


async def until_nothing_is_left(folder: Path) -> None:
    """Wait until the secret is nowhere, which happens in the background."""
    with anyio.fail_after(PATIENCE_S):
        while any((await asyncio.to_thread(traces, folder)).values()):
            await anyio.lowlevel.checkpoint()


def row_counts(folder: Path, *tables: str) -> dict[str, int]:
    return {table: rows(folder / FILE_NAME, f"SELECT count(*) FROM {table}")[0][0] for table in tables}


async def test_a_deleted_threads_text_is_gone_and_the_file_has_shrunk(stores: Stores, folder: Path) -> None:
    await talk(stores)
    await talk(stores, "other", 1)
    before = size(folder)
    assert sum(traces(folder).values()) > TURNS

    assert await stores.threads.delete("t")
    assert await stores.threads.delete("other")

    assert set(row_counts(folder, *TABLES, *MARKS).values()) == {0}
    await until_nothing_is_left(folder)
    with anyio.fail_after(PATIENCE_S):
        while size(folder) > before // 2 or rows(folder / FILE_NAME, "PRAGMA freelist_count") != [(0,)]:
            await anyio.lowlevel.checkpoint()
    assert rows(folder / FILE_NAME, "PRAGMA integrity_check") == [("ok",)]


async def test_other_threads_are_left_alone(stores: Stores, folder: Path) -> None:
    await talk(stores, turns=2)
    await talk(stores, "other", 2)

    await stores.threads.delete("t")

    assert len(await texts(on(stores.checkpoints, graph(lambda state: {})), "other")) == 4
    found = await stores.event_log.read({"other 0": START, "other 1": START, "t 0": START})
    assert {run_id: len(events) for run_id, events in found.items()} == {"other 0": 2, "other 1": 2}


async def test_others_write_while_a_large_thread_is_deleted(stores: Stores, folder: Path) -> None:
    """Nobody waits for all of it: between two steps of the deletion, what others write is written."""
    await talk(stores, turns=8, text=TEXT * 30)
    deleting = asyncio.ensure_future(stores.threads.delete("t"))
    written = 0

    with anyio.fail_after(PATIENCE_S):
        while not deleting.done():
            await end(stores.runs, await leased(stores.runs, f"other {written}", "other"))
            written += 1

    assert await deleting
    assert written > 1
    assert await stores.threads.get("t") is None


async def test_a_deletion_that_is_killed_is_finished_by_the_next_start(folder: Path) -> None:
    async with open_stores(folder) as stores:
        await talk(stores, turns=4)
    file = folder / FILE_NAME
    rows(file, "INSERT INTO erased_threads VALUES ('t')")  # what the first step of a large thread's leaves
    rows(file, "INSERT INTO erased_logs SELECT last_row, 't' FROM logs")
    rows(file, "DELETE FROM logs")
    rows(file, "DELETE FROM runs")
    rows(file, "DELETE FROM threads")

    async with open_stores(folder) as stores:
        pregel = on(stores.checkpoints, graph(lambda state: {"messages": [AIMessage("new")]}))
        await end(stores.runs, await leased(stores.runs, "new"))
        assert await turn(pregel, "hello", run_id="new") == ["hello", "new"]
        await until_nothing_is_left(folder)

    assert row_counts(folder, *MARKS) == {"erased_threads": 0, "erased_logs": 0}
    assert row_counts(folder, "runs", "checkpoint_messages") == {"runs": 1, "checkpoint_messages": 0}


async def test_a_thread_whose_erasure_fails_is_gone_and_erased_when_its_id_is_used_again(
    stores: Stores, folder: Path
) -> None:
    """The disk is full, say, when the first step was written and another one follows."""
    await talk(stores, turns=3, text=TEXT * 30)
    file = folder / FILE_NAME
    rows(file, "CREATE TRIGGER full BEFORE DELETE ON erased_threads BEGIN SELECT RAISE(FAIL, 'full'); END")

    assert await stores.threads.delete("t")

    assert await stores.threads.get("t") is None
    pregel = on(stores.checkpoints, graph(lambda state: {"messages": [AIMessage("new")]}))
    with pytest.raises(StorageFailed):
        await turn(pregel, "hello")
    rows(file, "DROP TRIGGER full")
    assert await turn(pregel, "hello") == ["hello", "new"]
    await until_nothing_is_left(folder)


async def test_a_reader_of_the_file_delays_the_end_of_a_deletion_and_does_not_prevent_it(
    stores: Stores, folder: Path
) -> None:
    await talk(stores, turns=2)
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()

        await stores.threads.delete("t")
        await end(stores.runs, await leased(stores.runs, "other", "other"))
        assert any(traces(folder).values())

        reader.execute("ROLLBACK")
    await until_nothing_is_left(folder)


async def test_a_file_that_cannot_be_opened_for_a_while_is_kept_small_later(tmp_path: Path) -> None:
    """A process may have as many files open as it may."""
    database, link, swept = await open_database(tmp_path / FILE_NAME), tmp_path / "link", asyncio.Semaphore(0)

    async def sweep() -> None:
        swept.release()

    upkeep = Upkeep(database, link / FILE_NAME, sweep)
    async with upkeep.running():
        with anyio.fail_after(PATIENCE_S):
            for _ in range(2):
                upkeep.wake()
                await swept.acquire()
            assert (tmp_path / f"{FILE_NAME}-wal").stat().st_size
            link.symlink_to(tmp_path)
            upkeep.wake()
            while (tmp_path / f"{FILE_NAME}-wal").stat().st_size:
                await anyio.lowlevel.checkpoint()
    await database.aclose()


async def test_expired_events_are_deleted_though_no_run_ever_follows(folder: Path) -> None:
    async with open_stores(folder, Retention(retention_s=0.001)) as stores:
        await talk(stores, turns=1)

    async with open_stores(folder):
        with anyio.fail_after(PATIENCE_S):
            while row_counts(folder, "logs", "events") != {"logs": 0, "events": 0}:
                await anyio.lowlevel.checkpoint()


async def test_a_file_that_was_made_without_can_shrink_from_now_on(folder: Path) -> None:
    await asyncio.to_thread(folder.mkdir)
    file = await migrated(folder / FILE_NAME)
    rows(file, "PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
    assert rows(file, "PRAGMA auto_vacuum") == [(0,)]

    async with open_stores(folder) as stores:
        await talk(stores, turns=4)
        await stores.threads.delete("t")
        await until_nothing_is_left(folder)

    assert rows(file, "PRAGMA auto_vacuum") == [(2,)]
