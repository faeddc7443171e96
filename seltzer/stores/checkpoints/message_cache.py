"""The messages of stored threads that are cached in this process: neither decoded nor written again.

A message counts as cached if it is the same object, or an equal one. So a node must not change a message of
its run's thread in place, as LangGraph demands. Two such changes are noticed all the same: a new object as
the content of one of the last messages, and any change in a message that a node returns. The lists returned
are fresh, the messages in them are shared.

Comparing thousands of messages is slow, as they aren't in the processor's cache; so it is only done
where nothing is cached for a list yet, or the list isn't what it was.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, Final

from langchain_core.messages import BaseMessage

from seltzer.stores.checkpoints.spans import Spans, after, count, joined, numbers_of, starts_with

LISTS_A_THREAD: Final = 4  # a state may hold several lists, and so may its subgraphs
CACHE_LIMIT: Final = 20_000
CACHE_LIMIT_BYTES: Final = 64 * 2**20
EPOCHS_LIMIT: Final = 10_000  # threads whose epoch is known
CHECKED: Final = 64  # of the last messages, whose content is compared

_content_of = attrgetter("content")


def are_messages(values: Collection[Any]) -> bool:
    """Return whether all of the values are messages."""
    return all(issubclass(kind, BaseMessage) for kind in set(map(type, values)))


class CachedList:
    """A list of messages as it was loaded, and their numbers. An invalidated message is None."""

    def __init__(self, spans: Spans, messages: Sequence[Any]) -> None:
        self.spans = spans
        self.messages: list[BaseMessage | None] = list(messages)
        self.has_holes = not are_messages(messages)
        if self.has_holes:  # a message whose class isn't revived any more was read back as a dict
            self.messages = [each if isinstance(each, BaseMessage) else None for each in messages]
        self._contents = [each and each.content for each in self.messages]

    def extend(self, spans: Spans, messages: Sequence[BaseMessage]) -> None:
        """Append these messages."""
        if "_index" in self.__dict__:
            self._index.update((id(message), at) for at, message in enumerate(messages, len(self.messages)))
        if "by_number" in self.__dict__:
            self.by_number.update(zip(numbers_of(spans), messages, strict=True))
        if "_numbers" in self.__dict__:
            self._numbers.extend(numbers_of(spans))
        self.spans = joined((*self.spans, *spans))
        self.messages += messages
        self._contents += map(_content_of, messages)

    def number_of(self, message: BaseMessage) -> int | None:
        """Return the message's number, if it is in the list and unchanged."""
        at = self._index.get(id(message))
        if at is None or self._contents[at] is not message.content:
            return None
        return self._numbers[at]

    def is_prefix_of(self, messages: Sequence[Any]) -> bool:
        """Return whether the other list starts with all of these messages, unchanged."""
        self.invalidate_changed()
        return not self.has_holes and messages[: len(self.messages)] == self.messages

    def invalidate(self, messages: Iterable[BaseMessage]) -> None:
        """Drop those of the messages that are in the list."""
        for message in messages:
            at = self._index.pop(id(message), None)
            if at is not None:
                self.messages[at] = None
                self.has_holes = True
                self.__dict__.pop("by_number", None)

    def invalidate_changed(self) -> None:
        """Drop those of the last messages whose content is another object now."""
        last = zip(self.messages[-CHECKED:], self._contents[-CHECKED:], strict=True)
        self.invalidate([each for each, content in last if each is not None and each.content is not content])

    @cached_property
    def by_number(self) -> dict[int, BaseMessage | None]:
        """The messages by their numbers."""
        return dict(zip(numbers_of(self.spans), self.messages, strict=True))

    @cached_property
    def _numbers(self) -> list[int]:
        return list(numbers_of(self.spans))

    @cached_property
    def _index(self) -> dict[int, int]:
        return {id(message): at for at, message in enumerate(self.messages) if message is not None}


class MessageCache:
    """The cached lists of each thread; beyond a limit, the least recently used thread is evicted.

    The one that was used last stays, however long it is: all of it would be decoded at each use.
    limit: of messages in all. limit_bytes: of what was loaded for the threads, as stored; a thread's share
    only grows until it is evicted, as its lists share messages.
    A reader is the serializer that decoded them: one graph's may revive what another's doesn't.
    """

    def __init__(self, limit: int = CACHE_LIMIT, limit_bytes: int = CACHE_LIMIT_BYTES) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._threads: OrderedDict[tuple[object, str], deque[CachedList]] = OrderedDict()
        self._sizes_bytes: Counter[tuple[object, str]] = Counter()  # by thread
        self.count = 0
        self.size_bytes = 0
        self.epoch = 0  # raised by each eviction of what was deleted
        self._epochs: OrderedDict[str, int | None] = OrderedDict()

    def lists(self, reader: object, thread_id: str) -> Sequence[CachedList]:
        """Return the thread's cached lists."""
        return self._threads.get((reader, thread_id), ())

    def look_up(self, reader: object, thread_id: str, spans: Spans) -> tuple[list[Any], int]:
        """Return the list's messages, and how many of the first are cached.

        From there on, the number itself stands for each message that isn't cached.
        """
        lists = self.lists(reader, thread_id)
        for each in lists:
            each.invalidate_changed()
            if not each.has_holes and starts_with(each.spans, spans):
                length = count(spans)
                return list(each.messages[:length]), length
            if not each.has_holes and starts_with(spans, each.spans):
                return [*each.messages, *numbers_of(after(spans, each.spans))], len(each.messages)
        found: dict[int, BaseMessage | None] = {}
        for each in lists:
            found |= each.by_number
        return [found.get(number) or number for number in numbers_of(spans)], 0

    def add(
        self, reader: object, thread_id: str, spans: Spans, messages: Sequence[Any], size_bytes: int
    ) -> None:
        """Cache the list, in place of one that it continues.

        size_bytes: of those of its messages that weren't cached.
        """
        key = reader, thread_id
        lists = self._threads.setdefault(key, deque())
        self._threads.move_to_end(key)
        for each in list(lists):
            if each.has_holes:
                self._remove(lists, each)
            elif starts_with(each.spans, spans):
                return
            elif starts_with(spans, each.spans) and are_messages(rest := messages[len(each.messages) :]):
                each.extend(after(spans, each.spans), rest)
                self._grow(key, len(rest), size_bytes)
                return
        lists.append(CachedList(spans, messages))
        if len(lists) > LISTS_A_THREAD:  # an input is a list, too, and must not displace the conversation
            self._remove(lists, min(list(lists)[:-1], key=lambda each: len(each.messages)))
        self._grow(key, len(messages), size_bytes)

    def validate(self, thread_id: str, epoch: int | None) -> None:
        """Evict the thread's lists if its epoch is another one than when they were read.

        For a store of several processes: another one may have deleted messages, and begun an epoch by that.
        """
        if self._epochs.pop(thread_id, epoch) != epoch:
            self.evict(thread_id)
        self._epochs[thread_id] = epoch
        if len(self._epochs) > EPOCHS_LIMIT:
            forgotten, _ = self._epochs.popitem(last=False)
            self.evict(forgotten)

    def evict(self, thread_id: str, numbers: Collection[int] | None = None) -> None:
        """Evict those of the thread's lists that have one of these messages; without numbers, all of them."""
        self.epoch += 1
        for key in [key for key in self._threads if key[1] == thread_id]:
            lists = self._threads[key]
            for each in list(lists):
                if numbers is None or not each.by_number.keys().isdisjoint(numbers):
                    self._remove(lists, each)
            if not lists:
                del self._threads[key]
                self.size_bytes -= self._sizes_bytes.pop(key)

    def _remove(self, lists: deque[CachedList], removed: CachedList) -> None:
        lists.remove(removed)
        self.count -= len(removed.messages)

    @property
    def _is_over(self) -> bool:
        return self.count > self._limit or self.size_bytes > self._limit_bytes

    def _grow(self, key: tuple[object, str], count: int, size_bytes: int) -> None:
        self.count += count
        self.size_bytes += size_bytes
        self._sizes_bytes[key] += size_bytes
        while self._is_over and len(self._threads) > 1:
            evicted, lists = self._threads.popitem(last=False)
            self.count -= sum(len(each.messages) for each in lists)
            self.size_bytes -= self._sizes_bytes.pop(evicted)
