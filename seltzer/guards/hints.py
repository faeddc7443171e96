"""What a 404 adds for people: what is there instead."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

_SHOWN_CHARS: Final = 200
_MOST_SHOWN: Final = 10


def nothing_at(path: str, there: Sequence[str]) -> str:
    """Return that nothing is at the path, the nearest of the addresses that are there, and these.

    The rest of a path whose beginning is mistyped is kept: of /agnet/invoke the nearest is /agent/invoke.
    """
    text = f"there is nothing at {path[:_SHOWN_CHARS]!r}"
    near = _nearest(path, there)
    if near is not None and near != path:
        text += f"; is it {near!r}?"
    shown = ", ".join(there[:_MOST_SHOWN]) + (", .." if len(there) > _MOST_SHOWN else "")
    return f"{text}; there are {shown}" if there else text


def threads_hint(path: str) -> str:
    """Return where the threads are listed, of a path that names one."""
    base, found, _ = path.rpartition("/threads/")
    return f"; GET {base[:_SHOWN_CHARS]}/threads lists those there are" if found else ""


def _nearest(path: str, there: Sequence[str]) -> str | None:
    parts = path.rstrip("/")[:_SHOWN_CHARS].split("/")
    for count in range(len(parts), 1, -1):
        level = [each for each in there if each.count("/") == count - 1]
        close = get_close_matches("/".join(parts[:count]), level, n=1, cutoff=0.75)
        if close:
            return "/".join([close[0], *parts[count:]])
    return None
