"""Bytes to server-sent events, as WHATWG HTML 9.2.6 parses them."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LINE_END: Final = re.compile(r"\r\n|\r|\n")  # str.splitlines would also split at U+2028, U+2029, U+0085
_RETRY: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event.

    event is "message" where the stream named none. id is the last one in the stream so far.
    """

    event: str
    data: str
    id: str = ""


class Decoder:
    """Turn a stream's bytes into frames, however they were cut.

    A last block without its blank line is dropped, as the standard requires. retry_ms is the stream's
    reconnection time, None until it is sent. comments counts the comment lines, which are keep-alives.
    """

    def __init__(self) -> None:
        self.retry_ms: int | None = None
        self.comments = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._line: list[str] = []
        self._ended_with_cr = False
        self._event = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """Yield the frames that this piece completes."""
        for line in self._lines(self._utf8.decode(piece)):
            frame = self._feed_line(line)
            if frame is not None:
                yield frame

    def _lines(self, text: str) -> Iterator[str]:
        if not text:
            return
        if self._ended_with_cr:
            text = text.removeprefix("\n")
        self._ended_with_cr = text.endswith("\r")
        *ended, rest = _LINE_END.split(text)
        for line in ended:
            yield "".join((*self._line, line))
            self._line.clear()
        if rest:
            self._line.append(rest)

    def _feed_line(self, line: str) -> Frame | None:
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "":
                self.comments += 1
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if _RETRY.fullmatch(value):
                self.retry_ms = int(value)
        return None

    def _complete(self) -> Frame | None:
        event, data = self._event, self._data
        self._event, self._data = "", []
        return Frame(event or "message", "\n".join(data), self._id) if data else None
