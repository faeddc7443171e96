"""Reads one JSON object {"action": .., "action_input": ..} while it arrives."""

import json
from collections.abc import Callable
from typing import Any

from seltzer.models.react.json_string import StringReader

FINAL_ANSWER = "final answer"
_SPACE = frozenset(" \t\r\n\ufeff")


class NotAnAction(ValueError):
    """The text read so far can't become an action."""


class ActionReader:
    """Reads an object from its opening brace on, one character at a time, until is_closed.

    The text of a final answer is returned as it arrives, once both the action and the beginning of its input
    are known, in whatever order they are. Everything else is known when the object is closed.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self.has_keys = False
        self.answer_is_shown = False
        self.values: dict[str, Any] = {}
        self._state: Callable[[str], str] = self._before_key
        self._string = StringReader()
        self._key = ""
        self._text: list[str] = []
        self._written_input = ""
        self._depth = 0
        self._nested_string: StringReader | None = None

    @property
    def name(self) -> str | None:
        """The action, once it is read, if it is a string."""
        action = self.values.get("action")
        return action if isinstance(action, str) else None

    @property
    def is_final(self) -> bool:
        return self.name is not None and self.name.strip().lower().replace("_", " ") == FINAL_ANSWER

    def feed(self, char: str) -> str:
        """Return the next bit of a final answer, if this character completes one. Raises NotAnAction."""
        return self._state(char)

    def _before_key(self, char: str) -> str:
        if char in _SPACE:
            return ""
        if char == '"':
            self.has_keys = True
            self._begin_string(self._in_key)
        elif char == "}":
            self.is_closed = True
        else:
            raise NotAnAction
        return ""

    def _in_key(self, char: str) -> str:
        self._text.append(self._string.feed(char))
        if self._string.is_closed:
            self._key = "".join(self._text)
            self._state = self._before_colon
        return ""

    def _before_colon(self, char: str) -> str:
        if char == ":":
            self._state = self._before_value
        elif char not in _SPACE:
            raise NotAnAction
        return ""

    def _before_value(self, char: str) -> str:
        if char in _SPACE:
            return ""
        if char == '"':
            self._begin_string(self._in_string)
            return ""
        if char in ",}]":
            raise NotAnAction
        self._text, self._depth, self._nested_string = [], 0, None
        self._state = self._in_other
        return self._in_other(char)

    def _in_string(self, char: str) -> str:
        text = self._string.feed(char)
        self._text.append(text)
        shows = self._key == "action_input" and self.is_final and "action_input" not in self.values
        if self._string.is_closed:
            return self._keep("".join(self._text), text if shows else None)
        self.answer_is_shown = self.answer_is_shown or bool(shows and text)
        return text if shows else ""

    def _in_other(self, char: str) -> str:
        """Collect a number, word, list or object up to its end; json reads it then."""
        if self._nested_string:
            self._nested_string.feed(char)
            self._text.append(char)
            if self._nested_string.is_closed:
                self._nested_string = None
            return ""
        if self._depth == 0 and char in ",}":
            return self._keep_parsed() + self._after_value(char)
        self._depth += (char in "[{") - (char in "]}")
        if self._depth < 0:
            raise NotAnAction
        self._nested_string = StringReader() if char == '"' else None
        self._text.append(char)
        return ""

    def _after_value(self, char: str) -> str:
        if char == ",":
            self._state = self._before_key
        elif char == "}":
            self.is_closed = True
        elif char not in _SPACE:
            raise NotAnAction
        return ""

    def _keep_parsed(self) -> str:
        written = "".join(self._text).strip()
        try:
            value = json.loads(written, strict=False)
        except (ValueError, RecursionError) as error:
            raise NotAnAction from error
        return self._keep(value, None, written)

    def _keep(self, value: Any, rest: str | None, written: str = "") -> str:
        """Keep a value, the first one of its key; return what of a final answer is due now.

        rest is the end of an answer whose beginning is shown already.
        """
        self._state = self._after_value
        is_first = self._key not in self.values
        self.values.setdefault(self._key, value)
        if self._key == "action_input" and is_first:
            self._written_input = written
        if rest is not None:
            self.answer_is_shown = True
            return rest
        if self.answer_is_shown or not self.is_final or "action_input" not in self.values:
            return ""
        self.answer_is_shown = True
        given = self.values["action_input"]
        return given if isinstance(given, str) else "" if given is None else self._written_input

    def _begin_string(self, state: Callable[[str], str]) -> None:
        self._string, self._text, self._state = StringReader(), [], state
