"""Lists of messages on their way between a state and the store."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from langgraph.checkpoint.serde.base import SerializerProtocol

from seltzer.stores.checkpoints.packing import Packed
from seltzer.stores.checkpoints.spans import Spans, dumps

# More are decoded in a thread: the event loop is needed meanwhile.
DECODED_IN_LOOP: Final = 200
DECODED_IN_LOOP_BYTES: Final = 1_048_576


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


async def decode(serde: SerializerProtocol, lists: Sequence[PartialList]) -> None:
    """Complete the lists from what was fetched."""

    def complete() -> None:
        for each in lists:
            each.decode(serde)

    count, size = sum(len(each.missing) for each in lists), sum(each.size_bytes for each in lists)
    if count > DECODED_IN_LOOP or size > DECODED_IN_LOOP_BYTES:
        # Unlike asyncio.to_thread, this hands none of the caller's context to the thread.
        await asyncio.get_running_loop().run_in_executor(None, complete)
    else:
        complete()


class StoredLists(NamedTuple):
    """The columns of a value's lists: these, and the highest number in them."""

    lists: str | None = None
    top: int | None = None


def stored_lists(packed: Packed, numbers: Mapping[bytes, int]) -> StoredLists:
    """Return the columns of a value's lists, given its new messages' numbers by their digests."""
    if not packed.lists:
        return StoredLists()
    lists = [(each.path, each.numbered(numbers)) for each in packed.lists]
    top = max((stop - 1 for _, spans in lists for _, stop in spans), default=None)
    return StoredLists(dumps(lists), top)
