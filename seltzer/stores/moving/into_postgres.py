"""Copies a data folder into a Postgres database, in one transaction: all of it, or nothing."""

import asyncio
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import psycopg

from seltzer.errors import LoadError
from seltzer.stores.moving.items import Prepared, import_items, prepare_database
from seltzer.stores.moving.tables import (
    DELETED_RUNS,
    RUNS,
    STATES,
    THREADS,
    Moved,
    Shifts,
    Table,
    to_postgres,
)
from seltzer.stores.postgres.connections.address import Address
from seltzer.stores.postgres.connections.database import Database
from seltzer.stores.postgres.connections.failures import as_load_errors, check_server
from seltzer.stores.postgres.migrations import migrate
from seltzer.stores.sqlite.database import open_database
from seltzer.stores.sqlite.files import FILE_NAME, ITEMS_FILE_NAME
from seltzer.stores.sqlite.lock import acquire
from seltzer.stores.sqlite.maintenance.reading import reading

# Deleted with their thread, and not erased yet.
_NOT_ERASED: Final = "WHERE thread_id NOT IN (SELECT thread_id FROM erased_threads)"
_NEWEST_RUNS: Final = "SELECT thread_id, run_id FROM threads JOIN runs USING (thread_id, number)"
_SET_NUMBERS: Final = """
UPDATE seltzer.threads SET number = runs.number
FROM newest_runs JOIN seltzer.runs USING (run_id) WHERE threads.thread_id = newest_runs.thread_id
"""


def import_folder(folder: Path, address: Address) -> Moved:
    """Copy the folder's threads, runs, states and items, and return how many. The folder stays as it is.

    Servers may use the database meanwhile; they continue the runs that hadn't ended. None may use the folder.
    Raises DataInUse, LoadError, also where a thread, run or item is in the database already.
    """
    if not (folder / FILE_NAME).exists():
        raise LoadError(
            f"{folder} can't be imported",
            f"there is no {FILE_NAME} in it",
            "name a server's data folder, or a backup of one",
        )
    lock = acquire(folder)
    try:
        items = asyncio.run(_prepare(folder, address, has_items=(folder / ITEMS_FILE_NAME).exists()))
        with (
            reading(folder / FILE_NAME) as file,
            as_load_errors(address),
            psycopg.connect(address.conninfo, prepare_threshold=None) as connection,
        ):
            return _copy_all(file, connection, items)
    except sqlite3.Error as error:
        raise LoadError(
            f"{folder} can't be imported", f"SQLite: {error}", "seltzer doctor shows more"
        ) from error
    finally:
        lock.close()


async def _prepare(folder: Path, address: Address, *, has_items: bool) -> Prepared | None:
    """Migrate both, and return what there is of items."""
    await (await open_database(folder / FILE_NAME)).aclose()
    await check_server(address)
    with as_load_errors(address):
        await migrate(address)
        if not has_items:
            return None
        database = Database(address, pool_limit=1, is_pooled=True)  # as far as is known
        await database.open()
        try:
            return await prepare_database(database, folder / ITEMS_FILE_NAME)
        finally:
            await database.aclose()


def _copy_all(file: sqlite3.Connection, connection: psycopg.Connection[Any], found: Prepared | None) -> Moved:
    file.execute("BEGIN")  # all that is read is of one moment
    shifts = _number_anew(file, connection)
    try:
        threads = _copy(file, connection, THREADS, shifts, "", more={"number": 0})
        runs = _copy(file, connection, RUNS, shifts)
        _copy(file, connection, DELETED_RUNS, shifts)
        items = import_items(found, connection) if found is not None else 0
        checkpoints, *_ = [_copy(file, connection, table, shifts, _NOT_ERASED) for table in STATES]
    except psycopg.errors.UniqueViolation as error:
        raise LoadError(
            "the folder can't be imported",
            f"a part of it is in the database already: {error.diag.message_detail}",
            "nothing was imported: name a database without them, or delete them there",
        ) from error
    connection.execute("CREATE TEMP TABLE newest_runs (thread_id text, run_id text) ON COMMIT DROP")
    _write(connection, "newest_runs (thread_id, run_id)", file.execute(_NEWEST_RUNS))
    connection.execute(_SET_NUMBERS)
    return Moved(threads, runs, checkpoints, items, found.vectors_left if found is not None else 0)


def _number_anew(file: sqlite3.Connection, connection: psycopg.Connection[Any]) -> Shifts:
    """Begin a block of numbers for each thread with messages: no process has any of them in memory."""
    newest = dict(
        file.execute(
            f"SELECT thread_id, max(number) FROM checkpoint_messages {_NOT_ERASED} GROUP BY thread_id"
        )
    )
    blocks = connection.execute(
        "SELECT nextval('seltzer.message_blocks') << 24 FROM generate_series(1, %s)", (len(newest),)
    )
    shifts = {thread_id: block for thread_id, (block,) in zip(newest, blocks, strict=True)}
    rows = [(thread_id, shifts[thread_id] + number) for thread_id, number in newest.items()]
    _write(connection, "seltzer.message_numbers (thread_id, last)", rows)
    return shifts


def _copy(
    file: sqlite3.Connection,
    connection: psycopg.Connection[Any],
    table: Table,
    shifts: Shifts,
    which: str = "",
    *,
    more: dict[str, Any] | None = None,
) -> int:
    """Copy the table's rows, in their order, and return how many. more: further columns, of each row."""
    more = more or {}
    order = f"ORDER BY {table.order}" if table.order else ""
    rows = file.execute(f"SELECT {', '.join(table.columns)} FROM {table.of_file} {which} {order}")
    into = f"seltzer.{table.name} ({', '.join((*table.columns, *more))})"
    return _write(connection, into, ([*to_postgres(table, row, shifts), *more.values()] for row in rows))


def _write(connection: psycopg.Connection[Any], into: str, rows: Iterable[Iterable[Any]]) -> int:
    count = 0
    with connection.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(tuple(row))
            count += 1
    return count
