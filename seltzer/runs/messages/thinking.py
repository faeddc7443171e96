"""Tells what a model thinks from what it says, in all of the shapes that providers' packages have.

Some models put their thinking into the text, as `<think>..</think>`. It is recognized at the very start of a
message alone: anywhere else it is text like any other.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from langchain_core.messages import AIMessage

from seltzer.runs.text import clean

_OPEN: Final = "<think>"
_CLOSE: Final = "</think>"
_BLOCKS: Final = ("reasoning", "thinking", "reasoning_content")  # types of blocks, and keys of what they hold
_TEXTS: Final = ("text", "summary", "content", *_BLOCKS)


class Piece(NamedTuple):
    """A piece of what a message's text turns out to be."""

    kind: Literal["reasoning", "token"]
    text: str


class OpeningText:
    """Reads the start of a message's text as it arrives. is_over: all that follows is the answer's text."""

    def __init__(self) -> None:
        self.is_over = False
        self._state: Literal["start", "thinking", "after"] = "start"
        self._held = ""  # it may still become a tag

    def read(self, text: str, *, is_last: bool = False) -> Iterator[Piece]:
        """Yield what the text is known to be. is_last: nothing follows, so that nothing is held back."""
        self._held += text
        if self._state == "start":
            yield from self._start(is_last)
        if self._state == "thinking":
            yield from self._think(is_last)
        if self._state == "after":
            yield from self._pass(self._held.lstrip())

    def _start(self, is_last: bool) -> Iterator[Piece]:
        text = self._held.lstrip()
        if text.startswith(_OPEN):
            self._state, self._held = "thinking", text[len(_OPEN) :]
        elif is_last or not _OPEN.startswith(text):
            yield from self._pass(self._held)
        elif not text and self._held:  # white space, which may come before a tag
            yield Piece("token", self._held)
            self._held = ""

    def _think(self, is_last: bool) -> Iterator[Piece]:
        thought, tag, rest = self._held.partition(_CLOSE)
        if tag:
            self._state, self._held = "after", rest
        else:
            most = 0 if is_last else len(_CLOSE) - 1
            kept = next((size for size in range(most, 0, -1) if thought.endswith(_CLOSE[:size])), 0)
            thought, self._held = thought[: len(thought) - kept], thought[len(thought) - kept :]
        if thought:
            yield Piece("reasoning", thought)

    def _pass(self, text: str) -> Iterator[Piece]:
        if text:
            self.is_over, self._held = True, ""
            yield Piece("token", text)


def without_thinking(text: str) -> str:
    """Return a whole message's text without what it begins with, if that is in tags."""
    if not text[:64].lstrip().startswith(_OPEN):
        return text
    return text.partition(_CLOSE)[2].lstrip()


def reasoning_of(message: AIMessage) -> str:
    """Return what stands in the message beside its text: blocks of thinking, or a provider's own fields."""
    if isinstance(message.content, list):
        blocks = (
            block for block in message.content if isinstance(block, dict) and block.get("type") in _BLOCKS
        )
        if text := "".join(map(_text, blocks)):
            return clean(text)
    fields = (message.additional_kwargs.get(key) for key in ("reasoning_content", "reasoning"))
    return clean(next((text for each in fields if each and (text := _text(each))), ""))


def _text(value: Any) -> str:
    """Return the text in a block, a list of its parts, or one of these."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_text, value))
    if not isinstance(value, Mapping):
        return ""
    return next((text for key in _TEXTS if (text := _text(value.get(key)))), "")
