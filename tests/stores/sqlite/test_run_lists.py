"""Lists of runs in a SQLite file: those of an earlier version, and what a page costs among many."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seltzer.runs.event import Event
from seltzer.runs.run import RunSearch
from seltzer.stores.sqlite.database import open_database
from seltzer.stores.sqlite.files import APPLICATION_ID
from seltzer.stores.sqlite.migrations import migrate
from seltzer.stores.sqlite.runs import SqliteRuns
from seltzer.stores.sqlite.sql.run_list import list_runs

FILL = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
INSERT INTO runs (run_id, thread_id, graph, status, attempt, has_touched, created_at, attached, max_steps,
    configurable, on_busy, digest, title, last)
SELECT 'r' || n, 't' || (n % 7), iif(n % 3, 'a', 'b'), iif(n = 1, 'error', 'success'), 1, 1, 0, 0, 9,
    '{}', 'reject', '', '', '[1,1,"finished",{}]' FROM numbers
"""


def make(file: Path, version: int | None = None) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrate(connection, to=version)
    return connection


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(make(tmp_path / "seltzer.db")) as connection:
        yield connection


@pytest.mark.anyio
async def test_a_run_of_an_earlier_version_has_neither_times_nor_stats(tmp_path: Path) -> None:
    file = tmp_path / "seltzer.db"

    def write() -> None:
        with closing(make(file, 7)) as connection:
            connection.execute("INSERT INTO threads VALUES ('t0', 'a', '', '', 0, 0, 1, '', '{}')")
            connection.execute("INSERT INTO threads VALUES ('t1', 'a', '', '', 0, 0, 1, '', '{}')")
            connection.execute(FILL, (1,))

    await asyncio.to_thread(write)
    database = await open_database(file)
    try:
        (found,) = await SqliteRuns(database).search(RunSearch(["a"]))
    finally:
        await database.aclose()

    assert (found.run_id, found.started_at, found.ended_at, found.stats) == ("r1", None, None, None)
    assert found.last == Event(1, 1, "finished", {})


def steps_of(connection: sqlite3.Connection, **given: Any) -> int:
    """Return how many steps SQLite makes for a page."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    connection.set_progress_handler(count, 1)
    search = replace(RunSearch(["a", "b"], limit=10), **given)
    list_runs(connection, search)
    connection.set_progress_handler(None, 1)
    return steps


@pytest.mark.parametrize(
    "given",
    [{}, {"graphs": ["none"]}, {"statuses": ["error"]}, {"statuses": ["cancelled"]}, {"before": 50}],
    ids=str,
)
def test_a_page_takes_as_many_steps_however_many_runs_there_are(
    connection: sqlite3.Connection, given: dict[str, Any]
) -> None:
    connection.execute(FILL, (100,))
    few = steps_of(connection, **given)
    connection.execute("DELETE FROM runs")
    connection.execute("DELETE FROM sqlite_sequence")
    connection.execute(FILL, (10_000,))

    assert steps_of(connection, **given) <= few + 10


def test_a_thousand_pages_are_all_runs_once(connection: sqlite3.Connection) -> None:
    connection.execute(FILL, (1_000,))
    seen: list[str] = []
    before = None

    while page := list_runs(connection, RunSearch(["a", "b"], before=before, limit=1)):
        seen += [each.run_id for each in page]
        before = page[-1].number

    assert seen == [f"r{n}" for n in range(1_000, 0, -1)]
