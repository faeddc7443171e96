"""The stored messages of threads' states."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from langgraph.checkpoint.serde.base import SerializerProtocol

from app.stores import checkpoint_tables as tables
from app.stores.packing import Stored

Sql: TypeAlias = Callable[[str, Iterable[Any]], Awaitable[list[tuple[Any, ...]]]]

ROWS_A_STATEMENT: Final = 500
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


async def fetch(sql: Sql, thread_id: str, lists: Sequence[Recalled]) -> None:
    """Read the stored form of what is missing in the lists."""
    stored: dict[bytes, tuple[str, bytes]] = {}
    for some in batches(list({ref for each in lists for ref in each.missing})):
        rows = await sql(tables.GET_MESSAGES % ",".join("?" * len(some)), (thread_id, *some))
        stored |= {ref: (kind, blob) for ref, kind, blob in rows}
    for each in lists:
        each.stored = stored


async def decode(serde: SerializerProtocol, lists: Sequence[Recalled]) -> None:
    """Fill the lists from what was fetched."""

    def fill() -> None:
        for each in lists:
            each.decode(serde)

    if sum(len(each.missing) for each in lists) > DECODED_AT_ONCE:
        await asyncio.to_thread(fill)
    else:
        fill()


async def put(sql: Sql, thread_id: str, messages: Iterable[Stored]) -> None:
    """Store those that aren't stored yet."""
    for some in batches([(thread_id, *each) for each in messages]):
        await sql(tables.PUT_MESSAGES % row_marks(some), flat(some))


async def drop(sql: Sql, thread_id: str, refs: Iterable[bytes]) -> None:
    """Delete those messages."""
    for some in batches(list(refs)):
        await sql(tables.DROP_MESSAGES % ",".join("?" * len(some)), (thread_id, *some))


def batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut the rows into as many as go into one statement."""
    return (rows[at : at + ROWS_A_STATEMENT] for at in range(0, len(rows), ROWS_A_STATEMENT))


def row_marks(rows: Sequence[Sequence[Any]]) -> str:
    """Return the placeholders of a VALUES clause."""
    return ",".join([f"({','.join('?' * len(rows[0]))})"] * len(rows))


def flat(rows: Iterable[Iterable[Any]]) -> list[Any]:
    return [value for row in rows for value in row]
