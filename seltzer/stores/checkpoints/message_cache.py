"""The messages of stored threads that this process knows: loaded once, neither decoded nor written again.

A message is known again by being the same object, or an equal one. So a node must not change a message that
its run found in the thread, as LangGraph demands; two such changes are noticed all the same: another object
as the content of one of the last, and anything in a message that a node gives back among its writes. The
lists handed out are fresh each time, the messages in them are shared.

To look into 4,000 messages takes a millisecond, as they don't lie in the processor's cache; so nothing here
does, but when a list is loaded that nothing is known of, or that isn't what it was.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from struct import iter_unpack
from typing import Any, Final

from langchain_core.messages import BaseMessage

REF_BYTES: Final = 16  # a ref names a message's stored form; a list is stored as its refs, end to end
LISTS_A_THREAD: Final = 4  # a state may hold several lists, and so may its subgraphs
KNOWN_LIMIT: Final = 20_000
KNOWN_LIMIT_BYTES: Final = 64 * 2**20
LAST: Final = 64  # messages whose content is looked at

_content_of = attrgetter("content")


def split(refs: bytes) -> Iterator[bytes]:
    """Yield each ref of a packed list."""
    return (ref for (ref,) in iter_unpack(f"{REF_BYTES}s", refs))


def are_messages(values: Collection[Any]) -> bool:
    return all(issubclass(kind, BaseMessage) for kind in set(map(type, values)))


class CachedList:
    """A list of messages as it was loaded, and its refs.

    A message that isn't trusted any more is None.
    """

    def __init__(self, refs: bytes, messages: Sequence[Any]) -> None:
        self.refs = refs
        self.messages: list[BaseMessage | None] = list(messages)
        self.has_holes = not are_messages(messages)
        if self.has_holes:  # a class that is revived no more came back as a dict
            self.messages = [each if isinstance(each, BaseMessage) else None for each in messages]
        self._contents = [each and each.content for each in self.messages]

    def extend(self, refs: bytes, messages: Sequence[BaseMessage]) -> None:
        """Go on by these."""
        if "_index" in self.__dict__:
            self._index.update((id(message), at) for at, message in enumerate(messages, len(self.messages)))
        if "by_ref" in self.__dict__:
            self.by_ref.update(zip(split(refs), messages, strict=True))
        self.refs += refs
        self.messages += messages
        self._contents += map(_content_of, messages)

    def ref(self, message: BaseMessage) -> bytes | None:
        """Return the message's ref, if it is one of these and hasn't changed."""
        at = self._index.get(id(message))
        if at is None or self._contents[at] is not message.content:
            return None
        return self.refs[at * REF_BYTES : (at + 1) * REF_BYTES]

    def begins(self, messages: Sequence[Any]) -> bool:
        """Tell whether the other list begins with all of these, unchanged."""
        self.doubt_changed()
        return not self.has_holes and messages[: len(self.messages)] == self.messages

    def doubt(self, messages: Iterable[BaseMessage]) -> None:
        """Trust these no more, if they are among them."""
        for message in messages:
            at = self._index.pop(id(message), None)
            if at is not None:
                self.messages[at] = None
                self.has_holes = True
                self.__dict__.pop("by_ref", None)

    def doubt_changed(self) -> None:
        """Trust those of the last no more whose content is another object now."""
        last = zip(self.messages[-LAST:], self._contents[-LAST:], strict=True)
        self.doubt([each for each, content in last if each is not None and each.content is not content])

    @cached_property
    def by_ref(self) -> dict[bytes, BaseMessage | None]:
        return dict(zip(split(self.refs), self.messages, strict=True))

    @cached_property
    def _index(self) -> dict[int, int]:
        return {id(message): at for at, message in enumerate(self.messages) if message is not None}


class MessageCache:
    """The lists known of each thread; where they outgrow a limit, the thread used longest ago goes.

    limit: of messages in all. limit_bytes: of what was loaded for the threads, as stored; a thread's share
    only grows until it goes, as its lists hold messages of one another.
    A reader is whoever decoded them: one graph's serializer may revive what another's doesn't.
    """

    def __init__(self, limit: int = KNOWN_LIMIT, limit_bytes: int = KNOWN_LIMIT_BYTES) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._threads: OrderedDict[tuple[object, str], deque[CachedList]] = OrderedDict()
        self._sizes_bytes: Counter[tuple[object, str]] = Counter()  # by thread
        self.count = 0
        self.size_bytes = 0
        self.epoch = 0  # raised when something was deleted

    def lists(self, reader: object, thread_id: str) -> Sequence[CachedList]:
        """Return the lists known of the thread."""
        return self._threads.get((reader, thread_id), ())

    def recall(self, reader: object, thread_id: str, refs: bytes) -> tuple[list[Any], int]:
        """Return the packed list's messages, and how many of the first are known.

        From there on, the ref itself stands for each one that isn't known.
        """
        known = self.lists(reader, thread_id)
        for each in known:
            each.doubt_changed()
            if not each.has_holes and each.refs.startswith(refs):
                return list(each.messages[: len(refs) // REF_BYTES]), len(refs) // REF_BYTES
            if not each.has_holes and refs.startswith(each.refs):
                return [*each.messages, *split(refs[len(each.refs) :])], len(each.messages)
        found: dict[bytes, BaseMessage | None] = {}
        for each in known:
            found |= each.by_ref
        return [found.get(ref) or ref for ref in split(refs)], 0

    def remember(
        self, reader: object, thread_id: str, refs: bytes, messages: Sequence[Any], size_bytes: int
    ) -> None:
        """Know the list from now on, in place of one that it goes on from.

        size_bytes: of those of its messages that weren't known.
        """
        key = reader, thread_id
        mine = self._threads.setdefault(key, deque())
        self._threads.move_to_end(key)
        for known in list(mine):
            if known.has_holes:
                self._remove(mine, known)
            elif known.refs.startswith(refs):
                return
            elif refs.startswith(known.refs) and are_messages(rest := messages[len(known.messages) :]):
                known.extend(refs[len(known.refs) :], rest)
                self._grow(key, len(rest), size_bytes)
                return
        mine.append(CachedList(refs, messages))
        if len(mine) > LISTS_A_THREAD:
            self._remove(mine, mine[0])
        self._grow(key, len(messages), size_bytes)

    def forget(self, thread_id: str, refs: Collection[bytes] | None = None) -> None:
        """Know those of the thread's lists no more that hold one of the refs, or all of them."""
        self.epoch += 1
        for key in [key for key in self._threads if key[1] == thread_id]:
            mine = self._threads[key]
            for known in list(mine):
                if refs is None or not known.by_ref.keys().isdisjoint(refs):
                    self._remove(mine, known)
            if not mine:
                del self._threads[key]
                self.size_bytes -= self._sizes_bytes.pop(key)

    def _remove(self, mine: deque[CachedList], known: CachedList) -> None:
        mine.remove(known)
        self.count -= len(known.messages)

    def _grow(self, key: tuple[object, str], count: int, size_bytes: int) -> None:
        self.count += count
        self.size_bytes += size_bytes
        self._sizes_bytes[key] += size_bytes
        while self.count > self._limit or self.size_bytes > self._limit_bytes:
            gone, lists = self._threads.popitem(last=False)
            self.count -= sum(len(known.messages) for known in lists)
            self.size_bytes -= self._sizes_bytes.pop(gone)
