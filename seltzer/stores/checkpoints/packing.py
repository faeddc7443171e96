"""A state with its long lists of messages taken out: each message is stored once a thread, by a ref.

LangGraph's saver writes the whole state at every step; what is written then grows by a ref a message only.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.serde.base import SerializerProtocol

from seltzer.stores.checkpoints.message_cache import REF_BYTES, CachedList, are_messages, split

Path: TypeAlias = tuple[str, ...]

PACKED: Final = "packed"  # the type of what has lists taken out; another saver refuses it
SHORTEST: Final = 9  # a shorter list stays where it is
DEPTH: Final = 3  # a checkpoint's channel_values, a channel's dict (such as a subgraph's input), its list


class Stored(NamedTuple):
    """A message as it is stored."""

    ref: bytes
    kind: str
    blob: bytes


class Packed(NamedTuple):
    """What to store: a value, and the messages it refers to that may not be stored yet."""

    kind: str
    blob: bytes
    new: dict[bytes, Stored]


class Unpacked(NamedTuple):
    """A value without its lists, and where each belongs in it."""

    value: Any
    lists: dict[Path, bytes]


def pack(serde: SerializerProtocol, value: Any, known: Sequence[CachedList]) -> Packed:
    """Serialize the value, with its lists of messages as refs. Known messages aren't looked at again."""
    if not _has_long_list(value, DEPTH):
        return Packed(*serde.dumps_typed(value), {})
    packer = _Packer(serde, known)
    rest = packer.take_out(value, (), DEPTH)
    if not packer.lists:
        return Packed(*serde.dumps_typed(value), {})
    _, blob = serde.dumps_typed([*serde.dumps_typed(rest), packer.lists])
    return Packed(PACKED, blob, packer.new)


def unpack(serde: SerializerProtocol, kind: str, blob: bytes) -> Unpacked:
    """Undo pack(), but for the lists."""
    if kind != PACKED:
        return Unpacked(serde.loads_typed((kind, blob)), {})
    inner_kind, inner, lists = serde.loads_typed(("msgpack", blob))
    return Unpacked(serde.loads_typed((inner_kind, inner)), {tuple(path): refs for path, refs in lists})


def refs_in(serde: SerializerProtocol, kind: str, blob: bytes) -> list[bytes]:
    """Return the packed lists of what pack() made, without the rest of it."""
    return [refs for _, refs in serde.loads_typed(("msgpack", blob))[2]] if kind == PACKED else []


def put_back(value: Any, path: Path, messages: list[Any]) -> Any:
    """Return the value with the list where it belongs."""
    if not path:
        return messages
    value[path[0]] = put_back(value[path[0]], path[1:], messages)
    return value


def distinct(lists: Sequence[bytes]) -> set[bytes]:
    """Return the refs of many packed lists; one that goes on from the one before it costs next to nothing."""
    found: set[bytes] = set()
    before = b""
    for refs in lists:
        found.update(split(refs[len(before) :] if refs.startswith(before) else refs))
        before = refs
    return found


def _has_long_list(value: Any, depth: int) -> bool:
    """Tell whether there is anything that may be taken out: a look at a short thread's state, no more."""
    if type(value) is list:
        return len(value) >= SHORTEST
    if type(value) is dict and depth:
        for part in value.values():
            if (type(part) is list or type(part) is dict) and _has_long_list(part, depth - 1):
                return True
    return False


class _Packer:
    """The lists taken out of a value, by path, and the messages in them that may be new, by ref."""

    def __init__(self, serde: SerializerProtocol, known: Sequence[CachedList]) -> None:
        self.lists: list[tuple[Path, bytes]] = []
        self.new: dict[bytes, Stored] = {}
        self._serde = serde
        self._known = known

    def take_out(self, value: Any, path: Path, depth: int) -> Any:
        """Move the value's long lists of messages over, and return the rest of it."""
        if type(value) is list and len(value) >= SHORTEST:
            refs = self._refs(value)
            if refs is not None:
                self.lists.append((path, refs))
                return None
        elif type(value) is dict and depth:
            count = len(self.lists)
            rest = {
                key: self.take_out(part, (*path, key), depth - 1) if isinstance(key, str) else part
                for key, part in value.items()
            }
            return value if len(self.lists) == count else rest
        return value

    def _refs(self, messages: list[Any]) -> bytes | None:
        """Return the list, packed; None if it isn't one of messages."""
        begun = max((each for each in self._known if each.begins(messages)), key=_length, default=None)
        if begun is not None:
            rest = messages[len(begun.messages) :]
            return begun.refs + b"".join(map(self._store, rest)) if are_messages(rest) else None
        return b"".join(map(self._known_ref, messages)) if are_messages(messages) else None

    def _known_ref(self, message: BaseMessage) -> bytes:
        found = (ref for each in self._known if (ref := each.ref(message)) is not None)
        return next(found, None) or self._store(message)

    def _store(self, message: BaseMessage) -> bytes:
        kind, blob = self._serde.dumps_typed(message)
        ref = blake2b(blob, digest_size=REF_BYTES, key=kind.encode()).digest()
        self.new[ref] = Stored(ref, kind, blob)
        return ref


def _length(known: CachedList) -> int:
    return len(known.messages)
