"""The numbered steps that update a database file: NNNN_name.sql, applied in order, never edited."""

import sqlite3
from importlib import resources
from typing import NamedTuple

from seltzer.runs.text import fold


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


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the steps that weren't applied to the file yet, each in its own transaction."""
    connection.create_function("seltzer_fold", 1, fold, deterministic=True)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for each in all_migrations():
        if each.number > version:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{each.sql};\nPRAGMA user_version = {each.number};\nCOMMIT;"
            )
