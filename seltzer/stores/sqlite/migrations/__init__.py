"""The numbered steps that update a database file: NNNN_name.sql, applied in order, never edited.

A step may have a function besides, for what SQL alone can't do: it is called after it, in its transaction.
"""

import sqlite3
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Final, NamedTuple

from seltzer.runs.text import fold
from seltzer.stores.sqlite.migrations.numbered_messages import number_messages

_FUNCTIONS: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = {6: number_messages}


class Migration(NamedTuple):
    """One step. A file to which it was applied has its number as `user_version`, or a higher one."""

    number: int
    name: str
    sql: str


def all_migrations() -> list[Migration]:
    """Return all steps, in order."""
    files = [each for each in resources.files(__name__).iterdir() if each.name.endswith(".sql")]
    return sorted(
        Migration(int(each.name[:4]), each.name, each.read_text(encoding="utf-8")) for each in files
    )


def migrate(connection: sqlite3.Connection, to: int | None = None) -> None:
    """Apply the steps that weren't applied to the file yet, each in its own transaction.

    to: the last one to apply; by default all are.
    """
    connection.create_function("seltzer_fold", 1, fold, deterministic=True)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for each in all_migrations():
        if version < each.number <= (to or each.number):
            try:
                connection.executescript(f"BEGIN IMMEDIATE;\n{each.sql};")
                _FUNCTIONS.get(each.number, _nothing)(connection)
                connection.execute(f"PRAGMA user_version = {each.number}")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise


def _nothing(connection: sqlite3.Connection) -> None:
    """Do no more than the step's SQL."""
