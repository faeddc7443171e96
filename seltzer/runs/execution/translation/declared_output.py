"""What a graph returns, as its author has declared it: what `ainvoke` would return."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from seltzer.runs.event import Json
from seltzer.runs.graph import AnyPregel
from seltzer.runs.jsonable import to_json
from seltzer.runs.messages.answer import value_text
from seltzer.runs.messages.spellings import MESSAGES, is_pair, messages_in, text_of


class DeclaredOutput:
    """The output of one graph.

    is_on_messages: the graph takes messages, so that it has an answer in text. Where its output has none,
    that is the output itself: a text that is all of it, or else its JSON.
    """

    def __init__(self, pregel: AnyPregel, *, is_on_messages: bool) -> None:
        channels = pregel.output_channels
        self._keys = None if isinstance(channels, str) else tuple(channels)
        self._is_on_messages = is_on_messages

    @property
    def may_be_a_models_text(self) -> bool:
        """Whether a model's text may be the answer: it isn't that of an object of several keys."""
        if not self._is_on_messages or self._keys is None:
            return True
        return MESSAGES in self._keys or len(self._keys) == 1

    def of(self, values: Any) -> Any:
        """Return the output among a state's values."""
        if self._keys is None or not isinstance(values, Mapping):
            return values
        return {key: values[key] for key in self._keys if key in values}

    def has_messages(self, values: Any) -> bool:
        """Return whether the output is messages, one of them, or an object that has them."""
        if self._keys is not None:
            return MESSAGES in self._keys
        if values is None or isinstance(values, str | BaseMessage):
            return True
        found = messages_in(values)
        if isinstance(values, Mapping):
            return MESSAGES in values and (bool(found) or not values[MESSAGES])
        if not isinstance(values, Sequence) or not found:
            return False
        return is_pair(values) or len(found) == len(values)

    def text_without_messages(self, values: Any) -> str | None:
        """Return the text of an output that has no messages; None if it has some, or the graph takes none."""
        if not self._is_on_messages or self.has_messages(values):
            return None
        output = self.of(values)
        if isinstance(output, Mapping) and len(output) < 2:
            return "".join(_text(each) for each in output.values())
        return value_text(to_json(output))

    def json(self, values: Any, answer: str) -> Json:
        """Return the output of a run: the answer, where that is a message's text."""
        if self._is_on_messages and self.has_messages(values):
            return answer
        return to_json(self.of(values))

    def texts(self, update: Any) -> Iterator[str]:
        """Yield the texts that a node's update writes to an output without messages."""
        if not self._is_on_messages or self._keys is None or MESSAGES in self._keys or len(self._keys) != 1:
            return
        for part in update if isinstance(update, list | tuple) else (update,):
            if isinstance(part, Mapping) and self._keys[0] in part:
                yield _text(part[self._keys[0]])


def _text(value: Any) -> str:
    return text_of(value) if isinstance(value, BaseMessage) else value_text(to_json(value))
