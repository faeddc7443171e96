"""Lists of messages, as spans of their numbers: a thread's messages are numbered in the order of storing.

A list that has only ever grown is one span, however long it is; a list that was edited is a few.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]  # the first number, and the one after the last
Spans: TypeAlias = tuple[Span, ...]
Path: TypeAlias = tuple[str, ...]  # a list's place in a state


def spans_of(numbers: Iterable[int]) -> Spans:
    """Return the numbers, in their order, as spans."""
    return joined((number, number + 1) for number in numbers)


def joined(spans: Iterable[Span]) -> Spans:
    """Return the spans, with those in one that continue each other."""
    found: list[Span] = []
    for first, stop in spans:
        if found and found[-1][1] == first:
            found[-1] = (found[-1][0], stop)
        else:
            found.append((first, stop))
    return tuple(found)


def numbers_of(spans: Iterable[Span]) -> Iterator[int]:
    """Yield the spans' numbers."""
    return chain.from_iterable(range(first, stop) for first, stop in spans)


def count(spans: Iterable[Span]) -> int:
    """Return how many numbers the spans have."""
    return sum(stop - first for first, stop in spans)


def starts_with(spans: Spans, prefix: Spans) -> bool:
    """Return whether the list begins with all of the other one."""
    if not prefix:
        return True
    last = len(prefix) - 1
    if len(spans) <= last or spans[:last] != prefix[:last]:
        return False
    return spans[last][0] == prefix[last][0] and spans[last][1] >= prefix[last][1]


def after(spans: Spans, prefix: Spans) -> Spans:
    """Return what follows the prefix in a list that starts with it."""
    if not prefix:
        return spans
    at, stop = len(prefix) - 1, prefix[-1][1]
    rest = spans[at + 1 :]
    return ((stop, spans[at][1]), *rest) if spans[at][1] > stop else rest


def difference(spans: Iterable[Span], others: Iterable[Span]) -> Spans:
    """Return the numbers that are in any of the spans and in none of the others, in ascending order."""
    found: list[Span] = []
    covered = iter(_union(others))
    other = next(covered, None)
    for first, stop in _union(spans):
        while other is not None and other[0] < stop:
            if other[0] > first:
                found.append((first, other[0]))
            first = max(first, other[1])
            if other[1] >= stop:
                break
            other = next(covered, None)
        if first < stop:
            found.append((first, stop))
    return tuple(found)


def dumps(lists: Sequence[tuple[Path, Spans]]) -> str:
    """Return the lists of a state, with their places, as they are stored."""
    return json.dumps([[path, list(chain.from_iterable(spans))] for path, spans in lists])


def loads(text: str | None) -> dict[Path, Spans]:
    """Undo dumps(); nothing is stored where a state has no such lists."""
    if text is None:
        return {}
    return {tuple(path): tuple(zip(ends[::2], ends[1::2], strict=True)) for path, ends in json.loads(text)}


def _union(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for first, stop in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((first, stop))
    return found
