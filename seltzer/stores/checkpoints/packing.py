"""A state without its long lists of messages: each message is stored once a thread, by a ref.

LangGraph's saver writes the whole state at each step; here a step's size grows by one ref a message.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.serde.base import SerializerProtocol

from seltzer.stores.checkpoints.message_cache import REF_BYTES, CachedList, are_messages, split

Path: TypeAlias = tuple[str, ...]

PACKED: Final = "packed"  # the type of a value without its lists; another saver refuses it
SHORTEST: Final = 9  # a shorter list stays in its place
DEPTH: Final = 3  # a checkpoint's channel_values, a channel's dict (such as a subgraph's input), its list


class StoredMessage(NamedTuple):
    """A message as it is stored."""

    ref: bytes
    kind: str
    blob: bytes


class Packed(NamedTuple):
    """What to store: a value, and the messages it refers to that may not be stored yet."""

    kind: str
    blob: bytes
    new: dict[bytes, StoredMessage]


class Unpacked(NamedTuple):
    """A value without its lists, and the place of each in it."""

    value: Any
    lists: dict[Path, bytes]


def pack(serde: SerializerProtocol, value: Any, cached: Sequence[CachedList]) -> Packed:
    """Serialize the value, with its lists of messages as refs. Cached messages aren't serialized again."""
    if not _has_long_list(value, DEPTH):
        return Packed(*serde.dumps_typed(value), {})
    packer = _Packer(serde, cached)
    rest = packer.extract(value, (), DEPTH)
    if not packer.lists:
        return Packed(*serde.dumps_typed(value), {})
    _, blob = serde.dumps_typed([*serde.dumps_typed(rest), packer.lists])
    return Packed(PACKED, blob, packer.new)


def unpack(serde: SerializerProtocol, kind: str, blob: bytes) -> Unpacked:
    """Undo pack(), except for the lists."""
    if kind != PACKED:
        return Unpacked(serde.loads_typed((kind, blob)), {})
    inner_kind, inner, lists = serde.loads_typed(("msgpack", blob))
    return Unpacked(serde.loads_typed((inner_kind, inner)), {tuple(path): refs for path, refs in lists})


def packed_lists(serde: SerializerProtocol, kind: str, blob: bytes) -> list[bytes]:
    """Return the packed lists of what pack() returned, without decoding the rest."""
    return [refs for _, refs in serde.loads_typed(("msgpack", blob))[2]] if kind == PACKED else []


def insert_list(value: Any, path: Path, messages: list[Any]) -> Any:
    """Return the value with the list in its place."""
    if not path:
        return messages
    value[path[0]] = insert_list(value[path[0]], path[1:], messages)
    return value


def distinct(lists: Sequence[bytes]) -> set[bytes]:
    """Return the refs of many packed lists; one that continues the one before it costs next to nothing."""
    found: set[bytes] = set()
    before = b""
    for refs in lists:
        found.update(split(refs[len(before) :] if refs.startswith(before) else refs))
        before = refs
    return found


def _has_long_list(value: Any, depth: int) -> bool:
    """Return whether anything may be extracted, at the cost of a look at a short thread's state."""
    if type(value) is list:
        return len(value) >= SHORTEST
    if type(value) is dict and depth:
        for part in value.values():
            if (type(part) is list or type(part) is dict) and _has_long_list(part, depth - 1):
                return True
    return False


class _Packer:
    """The lists extracted from a value, by path, and the messages in them that may be new, by ref."""

    def __init__(self, serde: SerializerProtocol, cached: Sequence[CachedList]) -> None:
        self.lists: list[tuple[Path, bytes]] = []
        self.new: dict[bytes, StoredMessage] = {}
        self._serde = serde
        self._cached = cached

    def extract(self, value: Any, path: Path, depth: int) -> Any:
        """Move the value's long lists of messages to `lists`, and return the rest of it."""
        if type(value) is list and len(value) >= SHORTEST:
            refs = self._refs(value)
            if refs is not None:
                self.lists.append((path, refs))
                return None
        elif type(value) is dict and depth:
            count = len(self.lists)
            rest = {
                key: self.extract(part, (*path, key), depth - 1) if isinstance(key, str) else part
                for key, part in value.items()
            }
            return value if len(self.lists) == count else rest
        return value

    def _refs(self, messages: list[Any]) -> bytes | None:
        """Return the list, packed; None if it isn't one of messages."""
        prefix = max(
            (each for each in self._cached if each.is_prefix_of(messages)), key=_length, default=None
        )
        if prefix is not None:
            rest = messages[len(prefix.messages) :]
            return prefix.refs + b"".join(map(self._store, rest)) if are_messages(rest) else None
        return b"".join(map(self._ref, messages)) if are_messages(messages) else None

    def _ref(self, message: BaseMessage) -> bytes:
        found = (ref for each in self._cached if (ref := each.ref_of(message)) is not None)
        return next(found, None) or self._store(message)

    def _store(self, message: BaseMessage) -> bytes:
        kind, blob = self._serde.dumps_typed(message)
        ref = blake2b(blob, digest_size=REF_BYTES, key=kind.encode()).digest()
        self.new[ref] = StoredMessage(ref, kind, blob)
        return ref


def _length(cached: CachedList) -> int:
    return len(cached.messages)
