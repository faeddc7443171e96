"""What to show of an answer that may begin anew, on a screen that can't erase."""

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

_Said: TypeAlias = Token | ToolCall | ToolResult | Retracted
_Unit: TypeAlias = str | ToolCall | ToolResult | Retracted  # a character, or a step


class Seamless:
    """Passes an answer's parts on, without those that say again what was shown already.

    A new attempt begins behind one of the steps that were shown, or at the start. While it says what was
    shown from there on, nothing is passed on; what is new follows as if nothing had happened. Where it
    differs, Restarted is passed on, then all that the new attempt has said. Started begins the next answer.
    """

    def __init__(self) -> None:
        self._shown: list[_Unit] = []
        self._held: list[_Said] = []  # what the new attempt has said so far
        self._held_count = 0  # its units
        self._begins: list[int] = []  # where in what was shown it may have begun; none: it doesn't repeat
        self._attempt = 0

    def take(self, part: Part) -> Iterator[Part]:
        """Yield what is to be shown now."""
        match part:
            case Token() | ToolCall() | ToolResult() | Retracted():
                yield from self._repeat(part) if self._begins else self._show([part])
            case Restarted(attempt):
                self._attempt, self._held, self._held_count = attempt, [], 0
                self._begins = self._beginnings() if self._shown else []
            case Done() | Interrupted():
                if self._begins:
                    whole = [begin for begin in self._begins if self._is_whole(begin)]
                    yield from self._go_on(whole[0]) if whole else self._differ()
                yield part
            case _:  # Started
                self._shown, self._begins = [], []
                yield part

    def _beginnings(self) -> list[int]:
        return [0, *(at + 1 for at, unit in enumerate(self._shown) if not isinstance(unit, str))]

    def _is_whole(self, begin: int) -> bool:
        """Return whether all that was shown from there on has been said again."""
        return begin + self._held_count >= len(self._shown)

    def _repeat(self, part: _Said) -> Iterator[Part]:
        """Fence the part back while it may be a repetition; the longest one is believed."""
        self._held.append(part)
        for unit in _units(part):
            self._begins = [
                begin
                for begin in self._begins
                if self._is_whole(begin) or self._shown[begin + self._held_count] == unit
            ]
            self._held_count += 1
        if not self._begins:
            yield from self._differ()
        elif self._is_whole(self._begins[0]):
            yield from self._go_on(self._begins[0])

    def _go_on(self, begin: int) -> Iterator[Part]:
        """Show what the new attempt has said behind the repetition."""
        repeated = len(self._shown) - begin
        self._begins = []
        yield from self._show(_without(self._held, repeated))

    def _differ(self) -> Iterator[Part]:
        self._begins, self._shown = [], []
        yield Restarted(self._attempt)
        yield from self._show(self._held)

    def _show(self, parts: Sequence[_Said]) -> Iterator[Part]:
        for part in parts:
            self._shown.extend(_units(part))
            yield part


def _units(part: _Said) -> list[_Unit]:
    return list(part.text) if isinstance(part, Token) else [part]


def _without(parts: Sequence[_Said], count: int) -> list[_Said]:
    """Return the parts without their first units."""
    left: list[_Said] = []
    for part in parts:
        units = len(_units(part))
        if count < units:
            left.append(Token(part.text[count:]) if isinstance(part, Token) else part)
        count = max(0, count - units)
    return left
