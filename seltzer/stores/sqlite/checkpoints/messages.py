"""The stored messages of threads' states."""

import asyncio
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from langgraph.checkpoint.serde.base import SerializerProtocol

from seltzer.stores.checkpoints.packing import Packed
from seltzer.stores.checkpoints.spans import Span, Spans, dumps, spans_of
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.sql.bulk import batches, insert

DECODED_IN_LOOP: Final = 200  # more are decoded in a thread: the event loop is needed meanwhile


class PartialList:
    """A list that is being loaded: until decode(), a number stands for each message that isn't cached.

    cached_count: before that index, all are messages.
    """

    def __init__(self, spans: Spans, messages: list[Any], cached_count: int) -> None:
        self.spans = spans
        self.messages = messages
        self.cached_count = cached_count
        self.missing = [each for each in messages[cached_count:] if type(each) is int]
        self.stored: Mapping[int, tuple[str, bytes]] = {}

    @property
    def size_bytes(self) -> int:
        """How much of it was fetched."""
        return sum(len(self.stored[number][1]) for number in self.missing)

    def decode(self, serde: SerializerProtocol) -> None:
        """Replace the numbers by the messages that were fetched."""
        decoded = {number: serde.loads_typed(self.stored[number]) for number in self.missing}
        rest = self.messages[self.cached_count :]
        self.messages[self.cached_count :] = [decoded[each] if type(each) is int else each for each in rest]


def fetch(
    connection: sqlite3.Connection, thread_id: str, numbers: Collection[int]
) -> dict[int, tuple[str, bytes]]:
    """Read the stored form of those of the messages that are stored."""
    stored: dict[int, tuple[str, bytes]] = {}
    for span in spans_of(sorted(numbers)):
        rows = connection.execute(statements.GET_MESSAGES, (thread_id, *span))
        stored |= {number: (kind, blob) for number, kind, blob in rows}
    return stored


async def decode(serde: SerializerProtocol, lists: Sequence[PartialList]) -> None:
    """Complete the lists from what was fetched."""

    def complete() -> None:
        for each in lists:
            each.decode(serde)

    if sum(len(each.missing) for each in lists) > DECODED_IN_LOOP:
        # Unlike asyncio.to_thread, this hands none of the caller's context to the thread.
        await asyncio.get_running_loop().run_in_executor(None, complete)
    else:
        complete()


class StoredLists(NamedTuple):
    """The columns of a value's lists: these, and the highest number in them."""

    lists: str | None = None
    top: int | None = None


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
    return [_stored_lists(each, numbers) for each in packed]


def drop(connection: sqlite3.Connection, thread_id: str, spans: Iterable[Span]) -> None:
    """Delete the messages."""
    connection.executemany(statements.DROP_MESSAGES, [(thread_id, *span) for span in spans])


def _stored_lists(packed: Packed, numbers: Mapping[bytes, int]) -> StoredLists:
    if not packed.lists:
        return StoredLists()
    lists = [(each.path, each.numbered(numbers)) for each in packed.lists]
    top = max((stop - 1 for _, spans in lists for _, stop in spans), default=None)
    return StoredLists(dumps(lists), top)
