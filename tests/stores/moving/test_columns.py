"""What is moved is all there is: each column of each table, but for those that are listed here."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from seltzer.stores.moving.tables import TABLES, Table
from tests.stores.conversing import migrated
from tests.stores.state_stores import InPostgres, in_postgres

pytestmark = pytest.mark.anyio

NUMBERS = {"seq", "number"}  # given anew, or by the table's order
OF_A_PROCESS = {
    "process",
    "events_expire_at",
    "submission",
}  # of one that is no more; of events, which aren't moved
NOT_MOVED = {
    "events",
    "logs",
    "message_numbers",
    "version",
    "erased_threads",
    "erased_logs",
    "sqlite_sequence",
}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_every_column_is_moved(tmp_path: Path, table: Table) -> None:
    file, store = await migrated(tmp_path / "seltzer.db"), await in_postgres(tmp_path)
    assert isinstance(store, InPostgres)
    with closing(sqlite3.connect(file)) as connection:
        in_file = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table.of_file})")}
    found = await store.rows(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'seltzer' AND table_name = %(name)s",
        {"name": table.name},
    )

    assert in_file - NUMBERS == set(table.columns) - NUMBERS
    assert {name for (name,) in found} - NUMBERS - OF_A_PROCESS == set(table.columns) - NUMBERS


async def test_every_table_is_moved(tmp_path: Path) -> None:
    file, store = await migrated(tmp_path / "seltzer.db"), await in_postgres(tmp_path)
    assert isinstance(store, InPostgres)
    with closing(sqlite3.connect(file)) as connection:
        in_file = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        }
    in_database = await store.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'seltzer'")

    assert in_file - NOT_MOVED == {table.of_file for table in TABLES}
    assert {name for (name,) in in_database} - NOT_MOVED == {table.name for table in TABLES}
