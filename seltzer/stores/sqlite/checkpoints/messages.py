"""The stored messages of threads' states."""

import asyncio
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from langgraph.checkpoint.serde.base import SerializerProtocol

from seltzer.stores.checkpoints.packing import StoredMessage
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.sql.bulk import batches, insert

DECODED_IN_LOOP: Final = 200  # more are decoded in a thread: the event loop is needed meanwhile


class PartialList:
    """A packed list that is being loaded: until decode(), a ref stands for each message that isn't cached.

    cached_count: before that index, all are messages.
    """

    def __init__(self, refs: bytes, messages: list[Any], cached_count: int) -> None:
        self.refs = refs
        self.messages = messages
        self.cached_count = cached_count
        self.missing = [each for each in messages[cached_count:] if type(each) is bytes]
        self.stored: Mapping[bytes, tuple[str, bytes]] = {}

    @property
    def size_bytes(self) -> int:
        """How much of it was fetched."""
        return sum(len(self.stored[ref][1]) for ref in self.missing)

    def decode(self, serde: SerializerProtocol) -> None:
        """Replace the refs by the messages that were fetched."""
        decoded = {ref: serde.loads_typed(self.stored[ref]) for ref in self.missing}
        rest = self.messages[self.cached_count :]
        self.messages[self.cached_count :] = [decoded[each] if type(each) is bytes else each for each in rest]


def fetch(
    connection: sqlite3.Connection, thread_id: str, refs: Collection[bytes]
) -> dict[bytes, tuple[str, bytes]]:
    """Read the stored form of those of the messages that are stored."""
    stored: dict[bytes, tuple[str, bytes]] = {}
    for some in batches(list(refs)):
        rows = connection.execute(statements.GET_MESSAGES % ",".join("?" * len(some)), (thread_id, *some))
        stored |= {ref: (kind, blob) for ref, kind, blob in rows}
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


def put(connection: sqlite3.Connection, thread_id: str, messages: Iterable[StoredMessage]) -> None:
    """Store those of the messages that aren't stored yet."""
    insert(connection, statements.PUT_MESSAGES, [(thread_id, *each) for each in messages])


def drop(connection: sqlite3.Connection, thread_id: str, refs: Iterable[bytes]) -> None:
    """Delete the messages."""
    for some in batches(list(refs)):
        connection.execute(statements.DROP_MESSAGES % ",".join("?" * len(some)), (thread_id, *some))
