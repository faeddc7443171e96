"""Cuts a streamed chat answer into its SSE events, and reads those that are plain at once."""

from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any, Generic, TypeVar

import orjson

Event = TypeVar("Event")

Frame = dict[str, Any]


class TextDelta(Frame):
    """A frame of the stream that adds `text` to the answer's text, and says nothing else that is read."""

    __slots__ = ("text",)

    def __init__(self, frame: Frame, text: str) -> None:
        super().__init__(frame)
        self.text = text


def plain_frame(data: bytes) -> Frame | None:
    """Read a frame of which ChatOpenAI makes the same chunk whether or not the SDK made a model of it before.

    Such a frame has at most one choice, and nothing in it that ChatOpenAI hands on whole, like logprobs, or
    reads otherwise than by asking for a key: there a model's dump, which has all keys, would tell.
    """
    try:
        frame = orjson.loads(data)
        if frame.get("error") or "type" in frame:
            return None
        choices, usage = frame["choices"], frame.get("usage")
        if not choices:
            return frame if type(choices) is list and _is_plain_usage(usage) else None
        (choice,) = choices
        delta = choice["delta"]
        text = delta.get("content")
        is_text = type(text) is str
        if choice.get("logprobs") is not None:
            return None
        is_end = usage is not None or choice.get("finish_reason")
        if is_text and not is_end and (len(delta) == 1 or _is_only_text(delta)):
            return TextDelta(frame, text)
        is_plain = (is_text or text is None) and _is_plain_delta(delta) and _is_plain_usage(usage)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return frame if is_plain else None


def _is_only_text(delta: Frame) -> bool:
    others = (value for key, value in delta.items() if key != "content" and key != "role")
    return delta.get("role") in (None, "assistant") and all(value is None for value in others)


def _is_plain_delta(delta: Frame) -> bool:
    calls = delta.get("tool_calls") or []
    are_plain = all("index" in call and type(call["function"]) is dict for call in calls)
    return are_plain and delta.get("function_call") is None


def _is_plain_usage(usage: Any) -> bool:
    if not usage:
        return usage is None
    return all(type(usage.get(key)) in (dict, NoneType) for key in _DETAILS)


_DETAILS = ("prompt_tokens_details", "completion_tokens_details")


class Events(Generic[Event]):
    """The SDK's SSE decoder with a short way for the plain event: one line of data, then an empty line.

    decode is the SDK's: it takes a line and returns the event that the line ends, if it does. It gets every
    line of every event that isn't a plain frame, and so goes on as if it had read all of them.
    """

    def __init__(self, decode: Callable[[str], Event | None]) -> None:
        self._decode = decode
        self._rest: list[bytes] = []  # of a line that isn't at its end yet
        self._is_after_cr = False
        self._held = b""  # a line of data, which may turn out to be a whole event
        self._is_fresh = True  # no line of the current event was decoded

    @property
    def is_between(self) -> bool:
        """Say whether what was fed ended with an event's end."""
        return self._is_fresh and not (self._held or self._is_after_cr or any(self._rest))

    def feed(self, data: bytes) -> Iterator[Frame | Event]:
        """Yield the events that these bytes, at least one, complete. A line ends with CR, LF or both."""
        if b"\r" in data or self._is_after_cr:
            data = self._with_lf(data)
        lines = data.split(b"\n")
        self._rest.append(lines[0])
        if len(lines) == 1:
            return
        lines[0] = b"".join(self._rest)
        self._rest = [lines.pop()]
        for line in lines:
            if self._held:
                held, self._held = self._held, b""
                if not line and (frame := plain_frame(held[5:])) is not None:
                    yield frame
                    continue
                self._decode(held.decode())
                self._is_fresh = False
            elif self._is_fresh and line.startswith(b"data:"):
                self._held = line
                continue
            event = self._decode(line.decode())
            self._is_fresh = not line or (self._is_fresh and line.startswith(b":"))
            if event is not None:
                yield event

    def finish(self) -> None:
        """Decode what is left. An event without its empty line is none, but it must be UTF-8."""
        for line in filter(None, (self._held, b"".join(self._rest))):
            self._decode(line.decode())

    def _with_lf(self, data: bytes) -> bytes:
        if self._is_after_cr:
            data = data.removeprefix(b"\n")
        self._is_after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
