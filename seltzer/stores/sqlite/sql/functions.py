"""Functions of ours that statements call."""

import orjson

from seltzer.runs.thread import contains


def contains_json(whole: bytes | str, part: bytes | str) -> bool:
    """Return whether one JSON text contains the other, as contains() has it."""
    return contains(orjson.loads(whole), orjson.loads(part))
