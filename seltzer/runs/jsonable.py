"""Anything in a graph's state -> JSON, without ever failing: one odd artifact must not end a stream.

What JSON can't express becomes the nearest thing: sets and tuples lists, bytes base64, Decimal and other
numbers their text, an exception its class's name (its text may contain secrets), any other object its class's
name.
"""

import base64
import dataclasses
from collections.abc import Callable, Mapping
from numbers import Number
from typing import Any, Final

import orjson
from pydantic import BaseModel

from seltzer.runs.event import Json

DEPTH_LIMIT: Final = 64
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1  # what orjson writes as a number
# Some clients split lines at these three (langserve's RemoteRunnable among them): U+0085, U+2028, U+2029.
_LINE_ENDS: Final = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


def dumps(value: object) -> bytes:
    """Return the value as one line of JSON, safe as the data of an SSE frame."""
    try:
        data = orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, RecursionError):  # orjson.JSONEncodeError is a TypeError
        data = orjson.dumps(_walk(value, DEPTH_LIMIT))
    if not data.isascii():
        for raw, escaped in _LINE_ENDS:
            data = data.replace(raw, escaped)
    return data


def to_json(value: object) -> Json:
    """Return the value as plain str, int, float, bool, None, list and dict with str keys."""
    return orjson.loads(dumps(value))


def _plain(value: object) -> object:
    """Return a simpler form of what JSON and orjson can't express."""
    try:
        if isinstance(value, BaseModel):
            return _fields(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = (field.name for field in dataclasses.fields(value))
            return {name: getattr(value, name) for name in names if hasattr(value, name)}
        for kind, simpler in _SIMPLER:
            if isinstance(value, kind):
                return simpler(value)
    except Exception:  # noqa: BLE001  # a property, a serializer or a repr of the user's may raise anything
        pass
    return f"<{type(value).__name__}>"


def _fields(model: BaseModel) -> object:
    """Return the model's fields: as it dumps itself, or as they are if it can't."""
    try:
        return model.model_dump(warnings=False)
    except Exception:  # noqa: BLE001  # as above; pydantic passes it on, or wraps it
        return dict(model)


_SIMPLER: Final[tuple[tuple[type | tuple[type, ...], Callable[[Any], object]], ...]] = (
    (Mapping, dict),
    (tuple, list),  # a named one: orjson takes no subclasses
    ((set, frozenset), lambda items: sorted(items, key=repr)),
    ((bytes, bytearray, memoryview), lambda raw: base64.b64encode(bytes(raw)).decode("ascii")),
    (float, float),  # a subclass, such as numpy's
    (Number, str),
    (BaseException, lambda error: {"error": type(error).__name__}),
)


def _walk(value: object, depth: int, holders: frozenset[int] = frozenset()) -> Json:
    """Rebuild the value from plain parts, down to a depth: the slow way, for what orjson refuses.

    holders are the ids of the value's containers: a list that contains itself twice would be walked 2**depth
    times.
    """
    if depth == 0 or id(value) in holders:
        return "<too deep>"
    if value is None or isinstance(value, bool | int | float | str):
        return _scalar(value)
    inner = holders | {id(value)}
    plain = value if isinstance(value, dict | list | tuple) else _simplest(value)
    if isinstance(plain, dict):
        return {_key(key): _walk(item, depth - 1, inner) for key, item in plain.items()}
    if isinstance(plain, list | tuple):
        return [_walk(item, depth - 1, inner) for item in plain]
    return _scalar(plain)


def _scalar(value: object) -> Json:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")  # lone surrogates
    if isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX:
        return _digits(value)
    return float(value) if isinstance(value, float) else value  # a subclass is no float to orjson


def _simplest(value: object) -> object:
    """Return a dict, list or scalar for the value: orjson's own form of it, or ours."""
    try:
        return orjson.loads(orjson.dumps(value))  # a date, a UUID, an enum's member
    except TypeError:
        return _plain(value)


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python writes no more than 4300 digits, unless they are hexadecimal
        return hex(value)


def _key(key: object) -> str:
    try:
        return str(next(iter(orjson.loads(orjson.dumps({key: None}, option=orjson.OPT_NON_STR_KEYS)))))
    except TypeError:
        return _odd_key(key)


def _odd_key(key: object) -> str:
    try:
        return str(_scalar(str(key)))
    except Exception:  # noqa: BLE001  # as above
        return f"<{type(key).__name__}>"
