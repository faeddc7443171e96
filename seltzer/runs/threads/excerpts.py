"""A state's values as JSON, as much of them as fits: of long lists the last items, or what its parent hasn't.

A state is rendered item by item, so that other threads run meanwhile: a list of messages may be very long.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
from langchain_core.messages import BaseMessage

from seltzer.runs.event import Json
from seltzer.runs.jsonable import dumps
from seltzer.runs.schemas.schemas import ROOT

Omitted: TypeAlias = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a state is shown: all of it by default.

    limit_bytes: how long its JSON may be; of longer lists the last items are shown, at least one. What else
    the state has is shown whole. items: how many items of each list, the last ones. key: only this key of
    the state; `__root__` is a state that is itself a list. before: of the lists only the items before that
    index.
    """

    limit_bytes: int | None = None
    items: int | None = None
    key: str | None = None
    before: int | None = None


WHOLE: Final = Extent()


class Excerpt(NamedTuple):
    """Some of a state's values, and how long they are as JSON.

    omitted: of each list that isn't whole, by its key, how many items at its beginning are left out; None:
    the whole value is.
    """

    values: Json
    omitted: Omitted
    size_bytes: int


@dataclass(slots=True)
class _List:
    """The rendered last items of a list; start is the index of the first of them."""

    start: int
    items: list[bytes] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(map(len, self.items)) + len(self.items)

    def trim(self, limit_bytes: int, least: int) -> None:
        """Drop the first items until the others fit; `least` are kept all the same."""
        size, dropped = self.size, 0
        while size > limit_bytes and len(self.items) - dropped > least:
            size -= len(self.items[dropped]) + 1
            dropped += 1
        self.items = self.items[dropped:]
        self.start += dropped


def keys_of(values: Any) -> Sequence[str]:
    """Return the keys that the state can be shown by."""
    return list(_named(values))


def excerpt(values: Any, extent: Extent = WHOLE) -> Excerpt:
    """Return as much of the state's values as the extent allows."""
    named = _named(values)
    if extent.key is not None:
        named = {extent.key: named[extent.key]} if extent.key in named else {}
    rest = {name: dumps(value) for name, value in named.items() if not _is_list(value)}
    left = None if extent.limit_bytes is None else max(0, extent.limit_bytes - _size(rest.values()))
    lists = {}
    for name, value in named.items():
        if _is_list(value):
            shown = value if extent.before is None else value[: extent.before]
            lists[name] = _tail(shown, left, extent.items)
    if left is not None:
        _share(lists.values(), left, least=1)
    return _put_together(named, rest, lists, {})


def excerpt_within(values: Any, limit_bytes: int) -> Excerpt | None:
    """Return the state's values whole; None if they are longer than that."""
    named = _named(values)
    rest: dict[str, bytes] = {}
    lists: dict[str, _List] = {}
    left = limit_bytes
    for name, value in named.items():
        if _is_list(value):
            lists[name] = _tail(value, max(0, left), None)
            left -= lists[name].size
        else:
            rest[name] = dumps(value)
            left -= len(rest[name])
        if left < 0:
            return None
    return _put_together(named, rest, lists, {})


def changes(values: Any, parent: Any, limit_bytes: int, *, is_cut: bool) -> Excerpt | None:
    """Return what the state has that its parent hasn't; None if that is longer than the limit.

    is_cut: it is cut to fit then: of the lists the last items are shown, and the longest values not at all.
    """
    named, before = _named(values), _named(parent)
    rest: dict[str, bytes] = {}
    lists: dict[str, _List] = {}
    omitted: dict[str, None] = {}
    for name, value in named.items():
        if _is_list(value):
            new = _tail(value[_common(value, before.get(name)) :], limit_bytes, None)
            lists[name] = _List(len(value) - len(new.items), new.items)
        else:
            shown = dumps(value)
            if name in before and shown == dumps(before[name]):
                omitted[name] = None
            else:
                rest[name] = shown
    if _size(rest.values()) + sum(each.size for each in lists.values()) > limit_bytes:
        if not is_cut:
            return None
        for name in sorted(rest, key=lambda name: len(rest[name]), reverse=True):
            if _size(rest.values()) > limit_bytes:
                omitted[name] = None
                del rest[name]
        _share(lists.values(), limit_bytes - _size(rest.values()), least=0)
    return _put_together(named, rest, lists, omitted)


def _named(values: Any) -> dict[str, Any]:
    """Return a state's values by key, that of a state that is one value too."""
    if isinstance(values, dict) and all(isinstance(name, str) for name in values):
        return values
    return {ROOT: values}


def _is_list(value: Any) -> bool:
    return type(value) is list or type(value) is tuple


def _tail(value: Sequence[Any], limit_bytes: int | None, count: int | None) -> _List:
    """Render the last items: until they are longer than the limit, and no more than that many."""
    items: list[bytes] = []
    size = 0
    for item in reversed(value):
        if (count is not None and len(items) >= count) or (limit_bytes is not None and size > limit_bytes):
            break
        items.append(dumps(item))
        size += len(items[-1]) + 1
    return _List(len(value) - len(items), items[::-1])


def _share(lists: Iterable[_List], limit_bytes: int, *, least: int) -> None:
    """Trim the lists so that all of them fit: none is trimmed that is shorter than an equal share."""
    left = limit_bytes
    shortest_first = sorted(lists, key=lambda each: each.size)
    for index, each in enumerate(shortest_first):
        each.trim(left // (len(shortest_first) - index), least)
        left = max(0, left - each.size)


def _common(value: Sequence[Any], before: Any) -> int:
    """Return how many items at the beginning of the list another has, too."""
    if not _is_list(before):
        return 0
    count = 0
    for item, other in zip(value, before, strict=False):
        if not _are_same(item, other):
            break
        count += 1
    return count


def _are_same(item: Any, other: Any) -> bool:
    """Return whether their JSON is the same. Messages aren't rendered for it, unless they are different."""
    if item is other or (
        isinstance(item, BaseMessage) and type(item) is type(other) and _are_equal(item, other)
    ):
        return True
    return dumps(item) == dumps(other)


def _are_equal(item: Any, other: Any) -> bool:
    try:
        return bool(item == other)
    except Exception:  # noqa: BLE001  # a value of the user's in it may raise anything, such as an array
        return False


def _size(rendered: Iterable[bytes]) -> int:
    return sum(map(len, rendered))


def _put_together(
    named: Mapping[str, Any],
    rest: Mapping[str, bytes],
    lists: Mapping[str, _List],
    omitted: Mapping[str, None],
) -> Excerpt:
    shown: dict[str, Json] = {}
    for name in named:
        if name in rest:
            shown[name] = orjson.loads(rest[name])
        elif name in lists:
            shown[name] = [orjson.loads(item) for item in lists[name].items]
    starts = {name: each.start for name, each in lists.items() if each.start}
    size = _size(rest.values()) + sum(each.size for each in lists.values())
    return Excerpt(shown.get(ROOT) if ROOT in named else shown, {**starts, **omitted}, size)
