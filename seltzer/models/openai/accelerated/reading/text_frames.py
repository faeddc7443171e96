"""Reads the plain texts of a streamed chat answer where nothing else is between them."""

import re
from typing import Final

import orjson

from seltzer.models.openai.accelerated.reading.frames import TextFrame, plain_frame

_CONTENT: Final = re.compile(rb'"content"\s*:\s*"((?:[^"\\]|\\.)*)')
_OTHER: Final = "another text"
_PRICE: Final = 8  # to learn from a frame costs as much as so many frames that it helps with save


class TextFrames:
    """Reads the texts of one stream, whose frames mostly differ in the text alone.

    So what surrounds the text is learnt from one frame, and spares parsing the next. A
    stream that changes all the time is soon left alone.
    """

    def __init__(self) -> None:
        self._before = self._suffix = b""
        self._credit = 3 * _PRICE

    def leading_texts(self, data: bytes) -> tuple[list[str], bytes]:
        """Return the texts of the plain events that the data begins with, and what follows them.

        Only for data that begins with an event. Events that end otherwise than with two LF aren't plain here.
        """
        texts: list[str] = []
        if b"\r" in data:
            return texts, data
        start = 0
        while data.startswith(b"data:", start):
            end = data.find(b"\n", start)
            if end < 0 or data[end : end + 2] != b"\n\n":
                break
            text = self._text(data[start + 5 : end])
            if text is None:
                break
            texts.append(text)
            start = end + 2
        return texts, data[start:]

    def _text(self, data: bytes) -> str | None:
        """Return the text, if the frame adds one and has nothing else."""
        before, suffix = self._before, self._suffix
        has_room = len(data) >= len(before) + len(suffix)  # the two may not share a byte
        if before and has_room and data.startswith(before) and data.endswith(suffix):
            try:
                # A string by itself: where it isn't, such as where a quote ends it early, this isn't JSON.
                text: str = orjson.loads(b'"%b"' % data[len(before) : -len(suffix)])
            except ValueError:
                pass
            else:
                self._credit += 1
                return text
        frame = plain_frame(data)
        if type(frame) is not TextFrame:
            return None
        if self._credit >= _PRICE:
            self._credit -= _PRICE
            self._learn(data)
        return frame.text

    def _learn(self, data: bytes) -> None:
        """Learn what surrounds the text, if another text in its place is all that would be parsed."""
        found = _CONTENT.search(data)
        if found is None:
            return
        before, suffix = data[: found.start(1)], data[found.end(1) :]
        frame = plain_frame(before + _OTHER.encode() + suffix)
        if type(frame) is TextFrame and frame.text == _OTHER:
            self._before, self._suffix = before, suffix
