"""Copies a Postgres database into a new data folder, which appears when all of it is there."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg

from seltzer.errors import LoadError
from seltzer.stores.moving.items import export_items
from seltzer.stores.moving.tables import STATES, TABLES, THREADS, Moved, Shifts, Table, to_file
from seltzer.stores.postgres.connections.address import Address
from seltzer.stores.postgres.connections.failures import as_load_errors, check_server
from seltzer.stores.postgres.migrations import migrate
from seltzer.stores.sqlite.database import open_database
from seltzer.stores.sqlite.files import FILE_NAME
from seltzer.stores.sqlite.maintenance.new_folder import new_folder

_EXECUTED: Final = (
    "SELECT count(*) FROM seltzer.runs WHERE status = 'running' AND lease_until > seltzer.clock()"
)
_FIRST_MESSAGES: Final = "SELECT thread_id, min(number) FROM seltzer.messages GROUP BY thread_id"
_ROWS_A_FETCH: Final = 500


def export_folder(address: Address, target: Path) -> Moved:
    """Copy the database's threads, runs, states and items, as they are at one moment; return how many.

    No server may execute runs meanwhile: they would be executed twice, here and by a server on the folder.
    Raises LoadError.
    """
    with new_folder(target) as folder:
        asyncio.run(_prepare(folder, address))
        with (
            closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as file,
            as_load_errors(address),
            psycopg.connect(address.conninfo, prepare_threshold=None) as connection,
        ):
            file.execute("BEGIN")
            file.execute("PRAGMA defer_foreign_keys = ON")
            moved = _copy_all(connection, file)
            file.execute("COMMIT")
            return moved._replace(items=export_items(connection, folder))


async def _prepare(folder: Path, address: Address) -> None:
    """Migrate the database, and create the file."""
    await check_server(address)
    with as_load_errors(address):
        await migrate(address)
    await (await open_database(folder / FILE_NAME)).aclose()


def _copy_all(connection: psycopg.Connection[Any], file: sqlite3.Connection) -> Moved:
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    (executed,) = connection.execute(_EXECUTED).fetchone() or (0,)
    if executed:
        raise LoadError(
            "the database can't be exported",
            f"{executed} of its runs are being executed",
            "stop its servers, which hand their runs over, or wait for the runs' ends",
        )
    shifts = {thread_id: 1 - number for thread_id, number in connection.execute(_FIRST_MESSAGES)}
    counts = {table.name: _copy(connection, file, table, shifts) for table in TABLES}
    return Moved(counts["threads"], counts["runs"], counts["checkpoints"])


def _copy(connection: psycopg.Connection[Any], file: sqlite3.Connection, table: Table, shifts: Shifts) -> int:
    """Copy the table's rows and return how many. Where rows are numbered, they keep their numbers."""
    numbers = ("number",) if table is THREADS else (table.order,) if table.order else ()
    texts = ["metadata::text" if each == "metadata" else each for each in table.columns]
    marks = ", ".join("?" * len((*table.columns, *numbers)))
    insert = f"INSERT INTO {table.of_file} ({', '.join((*table.columns, *numbers))}) VALUES ({marks})"
    count = 0
    with connection.cursor(f"export_{table.name}") as cursor:
        cursor.itersize = _ROWS_A_FETCH
        cursor.execute(
            f"SELECT {', '.join((*texts, *numbers))} FROM seltzer.{table.name} {_shown(table)}".encode()
        )
        for row in cursor:
            values = row[: len(table.columns)]
            file.execute(insert, [*to_file(table, values, shifts), *row[len(table.columns) :]])
            count += 1
    return count


def _shown(table: Table) -> str:
    """Return the condition that leaves out what was deleted with its thread, and isn't erased yet."""
    return "WHERE thread_id NOT IN (SELECT thread_id FROM seltzer.erased_threads)" if table in STATES else ""
