"""Bytes to server-sent events, as WHATWG HTML 9.2.6 parses them.

Departs from the standard:
1. A block with an `event:` but no `data:` is a frame: LangServe ends its streams with a bare `event: end`.
2. `id:` and `retry:` are not kept: nothing here reconnects.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\r|\n")  # str.splitlines would also split at U+2028, U+2029, U+0085


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event. event is "message" where the stream named none."""

    event: str
    data: str


class Decoder:
    """Turn a stream's bytes into frames, however they were cut.

    A block that the stream's end leaves without its blank line is dropped, as the standard says.
    """

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._line: list[str] = []
        self._ended_with_cr = False
        self._event = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """Yield the frames that this piece completes."""
        for line in self._lines(self._utf8.decode(piece)):
            frame = self._take(line)
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

    def _take(self, line: str) -> Frame | None:
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        return None

    def _complete(self) -> Frame | None:
        event, data = self._event, self._data
        self._event, self._data = "", []
        if not event and not data:
            return None
        return Frame(event or "message", "\n".join(data))
