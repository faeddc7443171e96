"""The stored messages of threads' states."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence

from seltzer.stores.checkpoints.packing import Packed
from seltzer.stores.checkpoints.partial_lists import StoredLists, stored_lists
from seltzer.stores.checkpoints.spans import Span, spans_of
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.sql.bulk import batches, insert


def fetch(
    connection: sqlite3.Connection, thread_id: str, numbers: Collection[int]
) -> dict[int, tuple[str, bytes]]:
    """Read the stored form of those of the messages that are stored."""
    stored: dict[int, tuple[str, bytes]] = {}
    for span in spans_of(sorted(numbers)):
        rows = connection.execute(statements.GET_MESSAGES, (thread_id, *span))
        stored |= {number: (kind, blob) for number, kind, blob in rows}
    return stored


def put(connection: sqlite3.Connection, thread_id: str, packed: Sequence[Packed]) -> list[StoredLists]:
    """Store those of the messages that aren't stored yet, and return the columns of each value's lists."""
    new = {message.digest: message for each in packed for message in each.new}
    numbers: dict[bytes, int] = {}
    for some in batches(list(new)):
        marks = ",".join("?" * len(some))
        numbers |= dict(connection.execute(statements.GET_NUMBERS % marks, (thread_id, *some)).fetchall())
    missing = [message for digest, message in new.items() if digest not in numbers]
    if missing:
        (last,) = connection.execute(statements.LAST_NUMBER, (thread_id,)).fetchone()
        numbered = list(enumerate(missing, last + 1))
        insert(
            connection,
            statements.PUT_MESSAGES,
            [(thread_id, number, *message) for number, message in numbered],
        )
        numbers |= {message.digest: number for number, message in numbered}
    return [stored_lists(each, numbers) for each in packed]


def drop(connection: sqlite3.Connection, thread_id: str, spans: Iterable[Span]) -> None:
    """Delete the messages."""
    connection.executemany(statements.DROP_MESSAGES, [(thread_id, *span) for span in spans])
