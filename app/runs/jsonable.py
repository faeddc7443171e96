"""Anything a graph may hold -> JSON, without ever failing: one odd artifact must not end a stream.

What JSON has no word for becomes the nearest thing: sets and tuples lists, bytes base64, Decimal and other
numbers their text, an exception its class's name (its text may hold secrets), any other object its class's
name.
"""

import base64
import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import orjson
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from app.runs.event import Json

DEPTH_LIMIT: Final = 64
_INT_LIMIT: Final = 2**63
# Some clients split lines at these three (langserve's RemoteRunnable among them): U+0085, U+2028, U+2029.
_LINE_ENDS: Final = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


def dumps(value: object) -> bytes:
    """Return the value as one line of JSON, safe as the data of an SSE frame."""
    try:
        data = orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, RecursionError):  # orjson.JSONEncodeError is a TypeError
        data = orjson.dumps(_walk(value, DEPTH_LIMIT))
    for raw, escaped in _LINE_ENDS:
        data = data.replace(raw, escaped)
    return data


def to_json(value: object) -> Json:
    """Return the value as plain str, int, float, bool, None, list and dict with str keys."""
    return orjson.loads(dumps(value))


def _plain(value: object) -> object:
    """Give orjson a simpler form of what it doesn't know. Called by orjson for such values only."""
    if isinstance(value, BaseModel):
        try:
            return value.model_dump()
        except PydanticSerializationError:  # a field of a type that pydantic can't dump
            return dict(value)
    for kind, simpler in _SIMPLER:
        if isinstance(value, kind):
            return simpler(value)
    return f"<{type(value).__name__}>"


_SIMPLER: Final[tuple[tuple[type | tuple[type, ...], Callable[[Any], object]], ...]] = (
    (Mapping, dict),
    ((set, frozenset), lambda items: sorted(items, key=repr)),
    ((bytes, bytearray, memoryview), lambda raw: base64.b64encode(raw).decode("ascii")),
    ((Decimal, complex), str),
    (BaseException, lambda error: {"error": type(error).__name__}),
)


def _walk(value: object, depth: int) -> Json:
    """Rebuild the value from plain parts, down to a depth: the slow way, for what orjson refuses."""
    if depth == 0:
        return "<too deep>"
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")  # lone surrogates
    if isinstance(value, int):
        return value if -_INT_LIMIT <= value < _INT_LIMIT else str(value)
    if isinstance(value, Mapping):
        return {_key(key): _walk(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(item, depth - 1) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _walk(getattr(value, field.name), depth - 1) for field in dataclasses.fields(value)
        }
    return _walk(_plain(value), depth - 1)


def _key(key: object) -> str:
    return str(_walk(key if isinstance(key, str) else str(key), 1))
