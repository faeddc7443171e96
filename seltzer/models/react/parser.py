"""From a model's ReAct JSON, in whatever pieces it arrives, to answer text and actions.

The same text gives the same result for every way of cutting it. What isn't the answer is never shown: the
JSON itself, code fences, prose around it. Text without any action in it is the answer as it is, since it
can't be anything else; it is buffered until it ends or grows beyond BUFFER_CHARS: the JSON may still follow.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seltzer.models.react.action_reader import ActionReader, NotAnAction

BUFFER_CHARS = 400
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Answer:
    """The next bit of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """A tool to call, complete. input is the model's JSON value, of any type; None if it has none."""

    name: str
    input: Any


@dataclass(frozen=True, slots=True)
class Broken:
    """An action whose JSON is broken: not to be run, but reported to the model. text is what it wrote."""

    name: str
    text: str


Part = Answer | Action | Broken


class ReActParser:
    """Feed it text, then end it. After the first action or answer it ignores what follows."""

    def __init__(self) -> None:
        self.is_truncated = False
        self.is_over = False  # nothing that may follow matters
        self.is_done = False
        self._shows_prose = False
        self._prose: list[str] = []
        self._prose_chars = 0
        self._reader: ActionReader | None = None
        self._raw: list[str] = []

    def feed(self, text: str) -> list[Part]:
        """Return the parts that this piece of the stream completes, texts joined."""
        return _joined(part for char in _SURROGATE.sub("\ufffd", text) for part in self._step(char))

    def end(self) -> list[Part]:
        """Return what is left at the end of the stream, and set is_truncated if it broke off."""
        if self.is_done:
            return []
        if self._reader and self._reader.has_keys:
            self.is_truncated = not (self._reader.answer_is_shown and "action_input" in self._reader.values)
            return []
        self._prose += self._raw
        text = "".join(self._prose)
        return _joined([Answer(text.rstrip() if self._shows_prose else text.strip())])

    def _step(self, char: str) -> list[Part]:
        if self.is_done:
            self.is_over = self.is_over or not (char.isspace() or char in "`}")
            return []
        if self._reader:
            return self._in_object(self._reader, char)
        if char == "{":
            self._reader, self._raw = ActionReader(), [char]
            return []
        return self._in_prose(char)

    def _in_object(self, reader: ActionReader, char: str) -> list[Part]:
        try:
            text = reader.feed(char)
        except NotAnAction:
            return self._after_nonsense(reader, char)
        self._raw.append(char)
        parts: list[Part] = [Answer(text)]
        if reader.is_closed:
            parts += self._after_object(reader)
        return parts

    def _after_object(self, reader: ActionReader) -> list[Part]:
        self._reader = None
        if reader.name is None:
            return self._in_prose("".join(self._raw))
        self.is_done = True
        if reader.answer_is_shown:
            return []
        if reader.is_final:
            return [Broken(reader.name, "".join(self._raw))]
        return [Action(reader.name, reader.values.get("action_input"))]

    def _after_nonsense(self, reader: ActionReader, char: str) -> list[Part]:
        self._reader = None
        if reader.name is None:
            return [*self._in_prose("".join(self._raw)), *self._step(char)]
        self.is_done = True
        return [] if reader.answer_is_shown else [Broken(reader.name, "".join(self._raw) + char)]

    def _in_prose(self, text: str) -> list[Part]:
        """Show text that is no JSON, once there is too much of it to be an introduction."""
        self._raw = []
        self._prose.append(text)
        self._prose_chars += len(text)
        if self._prose_chars <= BUFFER_CHARS:
            return []
        shown = "".join(self._prose)
        if not self._shows_prose:
            shown = shown.lstrip()
        self._shows_prose = True
        self._prose = []
        return [Answer(shown)]


def _joined(parts: Iterable[Part]) -> list[Part]:
    """Join neighbouring texts, and drop empty ones."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, Answer) and isinstance(last, Answer):
            joined[-1] = Answer(last.text + part.text)
        elif part != Answer(""):
            joined.append(part)
    return joined
