"""Decodes a JSON string while it arrives."""

_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX = frozenset("0123456789abcdefABCDEF")
_REPLACEMENT = "\ufffd"


class StringReader:
    """Reads a string from its opening quote on, one character at a time, until is_closed.

    Departs from JSON, as models do: raw line breaks are accepted, and a backslash that escapes nothing, as in
    LaTeX, is itself. Half a surrogate pair becomes U+FFFD.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self._escape = ""
        self._high: int | None = None

    def feed(self, char: str) -> str:
        """Return the text that is certain now: none while an escape or a surrogate pair is incomplete."""
        if self._escape:
            return self._in_escape(self._escape + char)
        if char == "\\":
            self._escape = char
            return ""
        if char == '"':
            self.is_closed = True
            return self._without_partner()
        return self._without_partner() + char

    def _in_escape(self, escape: str) -> str:
        self._escape = ""
        if len(escape) == 2 and escape != "\\u":
            return self._without_partner() + _ESCAPES.get(escape[1], escape)
        if len(escape) > 2 and escape[-1] not in _HEX:
            return self._without_partner() + escape[:-1] + self.feed(escape[-1])
        if len(escape) < 6:
            self._escape = escape
            return ""
        return self._unit(int(escape[2:], 16))

    def _unit(self, unit: int) -> str:
        """Append one UTF-16 unit, which may be half a character."""
        if self._high is not None and 0xDC00 <= unit <= 0xDFFF:
            character = chr(0x10000 + ((self._high - 0xD800) << 10) + unit - 0xDC00)
            self._high = None
            return character
        before = self._without_partner()
        if 0xD800 <= unit <= 0xDBFF:
            self._high = unit
            return before
        return before + (_REPLACEMENT if 0xDC00 <= unit <= 0xDFFF else chr(unit))

    def _without_partner(self) -> str:
        if self._high is None:
            return ""
        self._high = None
        return _REPLACEMENT
