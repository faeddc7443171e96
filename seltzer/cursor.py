"""A cursor: a place in a run's events, as the server numbers them and its clients send them back."""

import re
from typing import Final, NamedTuple, Self

from seltzer.errors import InvalidCursor

_CURSOR: Final = re.compile(r"(\d{1,9})-(\d{1,15})", re.ASCII)


class Cursor(NamedTuple):
    """A place in a run's events; on the wire `attempt-seq`, where seq counts 1, 2, 3 .. in an attempt."""

    attempt: int
    seq: int

    def __str__(self) -> str:
        return f"{self.attempt}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `attempt-seq`. Raises InvalidCursor."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise InvalidCursor(f"{text[:40]!r} is not a cursor; one is ATTEMPT-SEQ, such as 1-17")
        return cls(int(found[1]), int(found[2]))


START: Final = Cursor(0, 0)
