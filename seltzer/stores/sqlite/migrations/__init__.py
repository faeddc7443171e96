"""The numbered steps that bring a database file up to date: NNNN_name.sql, applied in order, never edited."""

import sqlite3
from importlib import resources
from typing import NamedTuple


class Migration(NamedTuple):
    """One step; a file that has taken it has this number as its `user_version`."""

    number: int
    name: str
    sql: str


def all_migrations() -> list[Migration]:
    """Return the steps there are, in order."""
    files = [each for each in resources.files(__name__).iterdir() if each.name.endswith(".sql")]
    return sorted(
        Migration(int(each.name[:4]), each.name, each.read_text(encoding="utf-8")) for each in files
    )


def migrate(connection: sqlite3.Connection) -> None:
    """Take the steps that the file hasn't taken yet, each in a transaction of its own."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for each in all_migrations():
        if each.number > version:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{each.sql};\nPRAGMA user_version = {each.number};\nCOMMIT;"
            )
