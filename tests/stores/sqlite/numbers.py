"""Works on a table of numbers, for tests of what is written and posted."""

import sqlite3
from pathlib import Path

from seltzer.errors import ThreadBusy
from seltzer.runs.execution.fence import LeaseLost
from seltzer.stores.sqlite.database import Database, open_database
from seltzer.stores.sqlite.transactions import Work

NUMBERS = "SELECT n FROM numbers ORDER BY rowid"


async def with_numbers(file: Path) -> Database:
    database = await open_database(file)
    await database.write(lambda connection: connection.execute("CREATE TABLE numbers (n UNIQUE)"))
    return database


def adding(n: int) -> Work[None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO numbers VALUES (?)", (n,))

    return work


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [n for (n,) in connection.execute(NUMBERS)]


def nothing(connection: sqlite3.Connection) -> None:
    pass


def twice(connection: sqlite3.Connection) -> None:
    adding(100)(connection)
    adding(100)(connection)


def undo_all(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS strict (n NOT NULL)")
    connection.execute("INSERT OR ROLLBACK INTO strict VALUES (NULL)")


def break_off(connection: sqlite3.Connection) -> None:
    adding(100)(connection)
    raise ValueError("no")


def refuse(connection: sqlite3.Connection) -> None:
    raise ThreadBusy("no")


def refuse_late(connection: sqlite3.Connection) -> None:
    adding(100)(connection)
    raise ThreadBusy("no")


def lose(connection: sqlite3.Connection) -> None:
    raise LeaseLost


def owned(database: Database, owner: str, work: Work[None]) -> Work[None]:
    """Return the work as an owner asks it: not if one before it has failed."""

    def checked(connection: sqlite3.Connection) -> None:
        database.check(owner)
        work(connection)

    return checked
