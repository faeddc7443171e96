"""A state without its lists of messages: each message is stored once a thread, and numbered.

LangGraph's saver writes the whole state at each step; here a step's size doesn't depend on how many messages
there are, as long as a list only grows.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.serde.base import SerializerProtocol

from seltzer.stores.checkpoints.message_cache import CachedList, are_messages
from seltzer.stores.checkpoints.spans import Path, Spans, joined

SHORTEST: Final = 9  # a shorter list stays in its place,
LONG: Final = 1_024  # unless one of its messages has more characters, or other content than text
DEPTH: Final = 3  # a checkpoint's channel_values, a channel's dict (such as a subgraph's input), its list
DIGEST_BYTES: Final = 16


class StoredMessage(NamedTuple):
    """A message as it is stored. Its digest, of the kind and the blob, shows whether it is there already."""

    digest: bytes
    kind: str
    blob: bytes


class PackedList(NamedTuple):
    """A list that was extracted: the numbers of its first messages, then numbers and new messages, mixed."""

    path: Path
    first: Spans
    rest: Sequence["int | StoredMessage"]

    def numbered(self, numbers: Mapping[bytes, int]) -> Spans:
        """Return all of the list, given the new messages' numbers by their digests."""
        rest = (each if isinstance(each, int) else numbers[each.digest] for each in self.rest)
        return joined((*self.first, *((number, number + 1) for number in rest)))


class Packed(NamedTuple):
    """What to store: a value without its lists, and these; some of their messages may not be stored yet."""

    kind: str
    blob: bytes
    lists: Sequence[PackedList] = ()

    @property
    def new(self) -> Iterable[StoredMessage]:
        """The messages that may not be stored yet."""
        return (each for packed in self.lists for each in packed.rest if isinstance(each, StoredMessage))


def pack(serde: SerializerProtocol, value: Any, cached: Sequence[CachedList]) -> Packed:
    """Serialize the value without its lists of messages. Cached messages aren't serialized again."""
    if not _has_list(value, DEPTH):
        return Packed(*serde.dumps_typed(value))
    packer = _Packer(serde, cached)
    rest = packer.extract(value, (), DEPTH)
    return Packed(*serde.dumps_typed(rest), packer.lists)


def insert_list(value: Any, path: Path, messages: list[Any]) -> Any:
    """Return the value with the list in its place."""
    if not path:
        return messages
    value[path[0]] = insert_list(value[path[0]], path[1:], messages)
    return value


def _has_list(value: Any, depth: int) -> bool:
    """Return whether anything may be extracted, at the cost of a look at a short thread's state."""
    if type(value) is list:
        return _is_worth_it(value)
    if type(value) is dict and depth:
        for part in value.values():
            if (type(part) is list or type(part) is dict) and _has_list(part, depth - 1):
                return True
    return False


def _is_worth_it(values: list[Any]) -> bool:
    return len(values) >= SHORTEST or any(
        isinstance(each, BaseMessage) and (type(each.content) is not str or len(each.content) > LONG)
        for each in values
    )


class _Packer:
    """The lists extracted from a value."""

    def __init__(self, serde: SerializerProtocol, cached: Sequence[CachedList]) -> None:
        self.lists: list[PackedList] = []
        self._serde = serde
        self._cached = cached

    def extract(self, value: Any, path: Path, depth: int) -> Any:
        """Move the value's lists of messages to `lists`, and return the rest of it."""
        if type(value) is list and _is_worth_it(value):
            packed = self._packed(value, path)
            if packed is not None:
                self.lists.append(packed)
                return None
        elif type(value) is dict and depth:
            count = len(self.lists)
            rest = {
                key: self.extract(part, (*path, key), depth - 1) if isinstance(key, str) else part
                for key, part in value.items()
            }
            return value if len(self.lists) == count else rest
        return value

    def _packed(self, messages: list[Any], path: Path) -> PackedList | None:
        """Return the list, packed; None if it isn't one of messages."""
        prefix = max(
            (each for each in self._cached if each.is_prefix_of(messages)), key=_length, default=None
        )
        if prefix is not None:
            rest = messages[len(prefix.messages) :]
            return PackedList(path, prefix.spans, [*map(self._store, rest)]) if are_messages(rest) else None
        return PackedList(path, (), [*map(self._number_or_new, messages)]) if are_messages(messages) else None

    def _number_or_new(self, message: BaseMessage) -> int | StoredMessage:
        found = (number for each in self._cached if (number := each.number_of(message)) is not None)
        return next(found, None) or self._store(message)

    def _store(self, message: BaseMessage) -> StoredMessage:
        kind, blob = self._serde.dumps_typed(message)
        digest = blake2b(blob, digest_size=DIGEST_BYTES, key=kind.encode()).digest()
        return StoredMessage(digest, kind, blob)


def _length(cached: CachedList) -> int:
    return len(cached.messages)
