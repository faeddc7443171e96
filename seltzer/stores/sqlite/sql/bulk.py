"""Many rows in one statement: each statement releases the interpreter's lock, and waits to get it back."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

ROWS_A_STATEMENT: Final = 256


def insert(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute the statement, which has a `%s` after VALUES."""
    for some in batches(rows):
        marks = f"({','.join('?' * len(some[0]))})"
        values = [value for row in some for value in row]
        connection.execute(statement % ",".join([marks] * len(some)), values)


def batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Split the rows into batches of 256, 128, .. 1 of them.

    Each other length would be another statement, which sqlite3 keeps compiled: megabytes. The price is a few
    statements more.
    """
    at = 0
    while rest := len(rows) - at:
        count = min(ROWS_A_STATEMENT, 1 << (rest.bit_length() - 1))
        yield rows[at : at + count]
        at += count
