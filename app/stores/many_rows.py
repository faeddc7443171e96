"""Many rows in one statement: each one gives the interpreter's lock away, and has to wait to have it back."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

ROWS_A_STATEMENT: Final = 500


def insert(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Carry out the statement, which has a `%s` for what comes after VALUES."""
    for some in batches(rows):
        marks = f"({','.join('?' * len(some[0]))})"
        values = [value for row in some for value in row]
        connection.execute(statement % ",".join([marks] * len(some)), values)


def batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut the rows into as many as go into one statement."""
    return (rows[at : at + ROWS_A_STATEMENT] for at in range(0, len(rows), ROWS_A_STATEMENT))
