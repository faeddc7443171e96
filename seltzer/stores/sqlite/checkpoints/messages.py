"""The stored messages of threads' states."""

import asyncio
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from langgraph.checkpoint.serde.base import SerializerProtocol

from seltzer.stores.checkpoints.packing import Stored
from seltzer.stores.sqlite.bulk import batches, insert
from seltzer.stores.sqlite.checkpoints import statements

DECODED_AT_ONCE: Final = 200  # more go to a thread: the event loop is needed meanwhile


class Recalled:
    """A packed list on its way to be one of messages: until decode(), refs stand for those not known."""

    def __init__(self, refs: bytes, messages: list[Any], known: int) -> None:
        self.refs = refs
        self.messages = messages
        self.known = known  # before it, there are messages only
        self.missing = [each for each in messages[known:] if type(each) is bytes]
        self.stored: Mapping[bytes, tuple[str, bytes]] = {}

    @property
    def size_bytes(self) -> int:
        """How much of it was fetched."""
        return sum(len(self.stored[ref][1]) for ref in self.missing)

    def decode(self, serde: SerializerProtocol) -> None:
        decoded = {ref: serde.loads_typed(self.stored[ref]) for ref in self.missing}
        rest = self.messages[self.known :]
        self.messages[self.known :] = [decoded[each] if type(each) is bytes else each for each in rest]


def fetch(
    connection: sqlite3.Connection, thread_id: str, refs: Collection[bytes]
) -> dict[bytes, tuple[str, bytes]]:
    """Read the stored form of the messages, as far as they are there."""
    stored: dict[bytes, tuple[str, bytes]] = {}
    for some in batches(list(refs)):
        rows = connection.execute(statements.GET_MESSAGES % ",".join("?" * len(some)), (thread_id, *some))
        stored |= {ref: (kind, blob) for ref, kind, blob in rows}
    return stored


async def decode(serde: SerializerProtocol, lists: Sequence[Recalled]) -> None:
    """Fill the lists from what was fetched."""

    def fill() -> None:
        for each in lists:
            each.decode(serde)

    if sum(len(each.missing) for each in lists) > DECODED_AT_ONCE:
        await asyncio.to_thread(fill)
    else:
        fill()


def put(connection: sqlite3.Connection, thread_id: str, messages: Iterable[Stored]) -> None:
    """Store those that aren't stored yet."""
    insert(connection, statements.PUT_MESSAGES, [(thread_id, *each) for each in messages])


def drop(connection: sqlite3.Connection, thread_id: str, refs: Iterable[bytes]) -> None:
    """Delete those messages."""
    for some in batches(list(refs)):
        connection.execute(statements.DROP_MESSAGES % ",".join("?" * len(some)), (thread_id, *some))
