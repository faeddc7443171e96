"""Cuts a streamed chat answer into its SSE events, and reads those that are plain at once."""

from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any

import orjson

Frame = dict[str, Any]


class TextFrame(Frame):
    """A frame of the stream that adds `text` to the answer's text, and has nothing else that is read."""

    __slots__ = ("text",)

    def __init__(self, frame: Frame, text: str) -> None:
        super().__init__(frame)
        self.text = text


def plain_frame(data: bytes) -> Frame | None:
    """Read a frame of which ChatOpenAI makes the same chunk whether or not the SDK made a model of it before.

    Such a frame has at most one choice, and nothing in it that ChatOpenAI hands on whole, like logprobs, or
    reads otherwise than by asking for a key: there a model's dump, which has all keys, would differ.
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
            return TextFrame(frame, text)
        is_plain = (is_text or text is None) and _is_plain_delta(delta) and _is_plain_usage(usage)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return frame if is_plain else None


def text_frame(data: bytes) -> Frame | None:
    """Read a frame if it is a plain one that only adds text."""
    frame = plain_frame(data)
    return frame if type(frame) is TextFrame else None


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


class FrameReader:
    """Cuts bytes into SSE events: a plain event becomes its frame, any other stays the bytes that it is.

    A plain event is one line of data and an empty line. The bytes of another one are its lines, and before
    them the last id that the stream has named: with it they are read as the SDK reads the whole stream.
    read: what makes a frame of an event's data; None for one that isn't plain.
    """

    def __init__(self, read: Callable[[bytes], Frame | None] = plain_frame) -> None:
        self._read = read
        self._rest: list[bytes] = []  # of a line that isn't complete yet
        self._is_after_cr = False
        self._lines: list[bytes] = []  # of the current event
        self._id = b""

    @property
    def is_between_events(self) -> bool:
        """Return whether what was fed ended with an event's end."""
        return not (self._lines or self._is_after_cr or any(self._rest))

    def feed(self, data: bytes) -> Iterator[Frame | bytes]:
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
            if line:
                if not (line.startswith(b":") and line.isascii()):  # a comment
                    self._lines.append(line)
                continue
            event, self._lines = self._lines, []
            if len(event) == 1 and event[0].startswith(b"data:"):
                frame = self._read(event[0][5:])
                if frame is not None:
                    yield frame
                    continue
            if event or self._id:
                yield self._bytes(event)

    def finish(self) -> Iterator[bytes]:
        """Yield the rest. An event without its empty line is dropped, but it must be UTF-8."""
        left = [*self._lines, b"".join(self._rest)]
        if any(left):
            yield b"\n".join(left)

    def _bytes(self, lines: list[bytes]) -> bytes:
        """Return an event's bytes, and note its id for the next ones."""
        last_id = self._id
        for line in lines:
            if (line == b"id" or line.startswith(b"id:")) and b"\0" not in line:
                self._id = line
        return b"\n".join([*((last_id,) if last_id else ()), *lines, b"", b""])

    def _with_lf(self, data: bytes) -> bytes:
        if self._is_after_cr:
            data = data.removeprefix(b"\n")
        self._is_after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def is_done(event: bytes) -> bool:
    """Return whether the event ends the answer: the SDK makes no chunk of it, and reads none after it."""
    fields = (line.partition(b":") for line in event.split(b"\n"))
    data = next((value for name, _, value in fields if name == b"data"), b"")
    return data.removeprefix(b" ").startswith(b"[DONE]")
