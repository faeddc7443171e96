"""Reads a request's body before a route does: within its limits, and as strict JSON.

The parsed body is left in `scope["state"]["json"]`, the bytes are given to the route as if it had read them
itself. What is refused: bodies that are too large, too slow, not JSON, not UTF-8, nested too deep, with
duplicate keys, NaN, infinite or huge numbers, NUL or lone surrogates (the same rule whatever store will keep
them).
"""

import asyncio
import json
import re
from codecs import BOM_UTF8
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seltzer.errors import AppError, BadRequest, BodyTimeout, BodyTooLarge, InvalidInput, NotJson
from seltzer.guards.faults import problem

DRAIN_BYTES: Final = 8 * 1_048_576  # of a refused body that is still read, so that the client sees the answer
DRAIN_S: Final = 5.0
SHOWN_CHARS: Final = 100  # of a key or path that an error shows
_INT_LIMIT: Final = 2**63
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_Place: TypeAlias = tuple["_Place", str | int] | None  # of an item: its holder's place, and its key there


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How large, slow and deep a body may be."""

    limit_bytes: int
    timeout_s: float
    depth: int


class BodyGuard:
    """ASGI middleware: a route behind it sees a whole, valid JSON body, or isn't called.

    A path that bodiless matches may be posted to without a body too: its route sees None.
    """

    def __init__(self, app: ASGIApp, *, limits: BodyLimits, bodiless: re.Pattern[str] | None = None) -> None:
        self._app = app
        self._limits = limits
        self._bodiless = bodiless

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        may_be_empty = self._bodiless is not None and self._bodiless.fullmatch(scope["path"]) is not None
        try:
            body = await self._read(Headers(scope=scope), receive, may_be_empty=may_be_empty)
            is_none = may_be_empty and not body
            scope.setdefault("state", {})["json"] = None if is_none else parse(body, self._limits.depth)
        except _ClientLeft:
            return
        except AppError as error:
            await problem(error, scope)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive, *, may_be_empty: bool) -> bytes:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        too_large = BodyTooLarge(f"the body is larger than {self._limits.limit_bytes} bytes")
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._limits.limit_bytes:
            await _drain(receive)
            raise too_large
        if kind != "application/json" and not kind.endswith("+json"):
            if await _drain(receive) and may_be_empty:
                return b""
            raise NotJson(f"content-type is {kind or 'not given'}; send application/json")
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                while True:
                    message = await _next(receive)
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    is_whole = not message.get("more_body", False)
                    if size > self._limits.limit_bytes:
                        break
                    if is_whole:
                        return b"".join(parts)
        except TimeoutError:
            raise BodyTimeout(f"the body didn't arrive within {self._limits.timeout_s:g} s") from None
        if not is_whole:
            await _drain(receive)
        raise too_large


class _ClientLeft(Exception):
    """The client left before its body was complete."""


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _ClientLeft
    return message


async def _drain(receive: Receive) -> bool:
    """Read and drop the rest of a body, within limits; tell whether there was nothing of it."""
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while size <= DRAIN_BYTES:
                message = await _next(receive)
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return size == 0
    return False


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the body once, then whatever the connection says."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def parse(body: bytes, depth: int) -> Any:
    """Return the body's JSON. Raises BadRequest if it isn't JSON, InvalidInput for what can't be kept."""
    if not body:
        raise BadRequest("the body is empty; send JSON")
    if body.startswith(BOM_UTF8):
        raise BadRequest("the body isn't JSON: it begins with a byte order mark; send it without")
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body isn't UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"the body isn't JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise BadRequest(f"the body is nested deeper than {depth}") from None
    _check(value, depth)
    return value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise BadRequest(f"the body has the key {twice[:SHOWN_CHARS]!r} twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise BadRequest(f"the body isn't JSON: {name} is no JSON number")


def _bounded_int(digits: str) -> int:
    if len(digits) > 20 or not -_INT_LIMIT <= int(digits) < _INT_LIMIT:
        raise BadRequest("the body has an integer of more than 64 bit")
    return int(digits)


def _finite_float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise BadRequest("the body has a number that is too large")
    return value


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=_no_constant,
    parse_int=_bounded_int,
    parse_float=_finite_float,
)


def _check(value: Any, depth: int) -> None:
    """Refuse, level by level, what is too deep, and strings that not every store can keep."""
    level: list[tuple[_Place, Any]] = [(None, [value])]
    for _ in range(depth + 1):
        below: list[tuple[_Place, Any]] = []
        for place, holder in level:
            if isinstance(holder, dict):
                _check_keys(place, holder)
            for key, item in holder.items() if isinstance(holder, dict) else enumerate(holder):
                if isinstance(item, str):
                    if _UNSTORABLE.search(item):
                        raise InvalidInput(_path((place, key)), "has a NUL or a lone surrogate")
                elif isinstance(item, dict | list):
                    below.append(((place, key), item))
        if not below:
            return
        level = below
    raise BadRequest(f"the body is nested deeper than {depth}")


def _check_keys(place: _Place, holder: dict[str, Any]) -> None:
    if any(_UNSTORABLE.search(key) for key in holder):
        raise InvalidInput(_path(place), "has a key with a NUL or a lone surrogate")


def _path(place: _Place) -> str:
    """Return the place's keys, dotted. Made for an error only: a body's keys may be as long as the body."""
    keys: list[str] = []
    while place is not None:
        place, key = place
        keys.append(str(key))
    return ".".join(reversed(keys[:-1]))[:SHOWN_CHARS] or "body"
