"""A checkpoint's metadata as it is stored, in each store alike."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from seltzer.runs.event import Json
from seltzer.runs.jsonable import dumps

_NUL: Final = b"\\u0000"


def dump_metadata(value: Any) -> bytes:
    """Return the metadata, or a part of it, as JSON without NUL: Postgres refuses that.

    LangGraph drops NUL where it is in a text of the metadata itself; this does so at any depth.
    """
    data = dumps(value)
    return dumps(_without_nul(orjson.loads(data))) if _NUL in data else data


def wanted(filter: Mapping[str, Any] | None) -> Mapping[str, Json]:
    """Return the filter as it compares with stored metadata."""
    found: Mapping[str, Json] = orjson.loads(dump_metadata(filter or {}))
    return found


def _without_nul(value: Json) -> Json:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, Mapping):
        return {key.replace("\x00", ""): _without_nul(part) for key, part in value.items()}
    return [_without_nul(part) for part in value] if isinstance(value, list) else value
