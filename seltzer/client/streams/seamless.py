"""Which parts of an answer that may start again to show, where text can't be erased."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from seltzer.client.streams.parts import (
    Done,
    Interrupted,
    Part,
    Restarted,
    Retracted,
    Token,
    ToolCall,
    ToolResult,
)

_Shown: TypeAlias = Token | ToolCall | ToolResult | Retracted
_Unit: TypeAlias = str | ToolCall | ToolResult | Retracted  # a character, or a step


class Seamless:
    """Yields an answer's parts, but for those that repeat what was shown already.

    A new attempt starts after one of the steps that were shown, or at the beginning. While it repeats what
    was shown from there on, nothing is yielded; then its new parts are, as if nothing had happened. If it
    differs, Restarted is yielded, then all parts of the new attempt. Started resets it for the next answer.
    """

    def __init__(self) -> None:
        self._shown: list[_Unit] = []
        self._buffer: list[_Shown] = []  # the new attempt's parts so far
        self._buffer_size = 0  # in units
        self._offsets: list[int] = []  # in _shown, where it may have started; empty: it doesn't repeat
        self._attempt = 0

    def take(self, part: Part) -> Iterator[Part]:
        """Yield the parts to show now."""
        match part:
            case Token() | ToolCall() | ToolResult() | Retracted():
                yield from self._repeat(part) if self._offsets else self._show([part])
            case Restarted(attempt):
                self._attempt, self._buffer, self._buffer_size = attempt, [], 0
                self._offsets = self._possible_offsets() if self._shown else []
            case Done() | Interrupted():
                if self._offsets:
                    repeated = [offset for offset in self._offsets if self._is_repeated(offset)]
                    yield from self._resume(repeated[0]) if repeated else self._differ()
                yield part
            case _:  # Started
                self._shown, self._offsets = [], []
                yield part

    def _possible_offsets(self) -> list[int]:
        return [0, *(at + 1 for at, unit in enumerate(self._shown) if not isinstance(unit, str))]

    def _is_repeated(self, offset: int) -> bool:
        """Return whether all that was shown from the offset on has been repeated."""
        return offset + self._buffer_size >= len(self._shown)

    def _repeat(self, part: _Shown) -> Iterator[Part]:
        """Buffer the part while it may be a repetition; the longest possible one counts."""
        self._buffer.append(part)
        for unit in _units(part):
            self._offsets = [
                offset
                for offset in self._offsets
                if self._is_repeated(offset) or self._shown[offset + self._buffer_size] == unit
            ]
            self._buffer_size += 1
        if not self._offsets:
            yield from self._differ()
        elif self._is_repeated(self._offsets[0]):
            yield from self._resume(self._offsets[0])

    def _resume(self, offset: int) -> Iterator[Part]:
        """Show the new attempt's parts after the repetition."""
        repeated = len(self._shown) - offset
        self._offsets = []
        yield from self._show(_without(self._buffer, repeated))

    def _differ(self) -> Iterator[Part]:
        self._offsets, self._shown = [], []
        yield Restarted(self._attempt)
        yield from self._show(self._buffer)

    def _show(self, parts: Sequence[_Shown]) -> Iterator[Part]:
        for part in parts:
            self._shown.extend(_units(part))
            yield part


def _units(part: _Shown) -> list[_Unit]:
    return list(part.text) if isinstance(part, Token) else [part]


def _without(parts: Sequence[_Shown], count: int) -> list[_Shown]:
    """Return the parts without their first units."""
    rest: list[_Shown] = []
    for part in parts:
        units = len(_units(part))
        if count < units:
            rest.append(Token(part.text[count:]) if isinstance(part, Token) else part)
        count = max(0, count - units)
    return rest
