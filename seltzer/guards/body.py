"""Reads a request's body within its limits, as strict JSON.

What is refused: bodies that are too large, too slow, compressed, not JSON, not UTF-8, nested too deep, with
duplicate keys, NaN, infinite or huge numbers, NUL or lone surrogates (the same rule whatever store will keep
them).
"""

import asyncio
import json
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from starlette.datastructures import Headers
from starlette.requests import Request

from seltzer.errors import BadRequest, BodyTimeout, BodyTooLarge, InvalidInput, NotJson
from seltzer.runs.messages.attachments import attachments
from seltzer.runs.text import is_storable

DRAIN_BYTES: Final = 8 * 1_048_576  # of a refused body that is still read, so that the client sees the answer
DRAIN_S: Final = 5.0
PARSED_IN_LOOP_BYTES: Final = 262_144
SHOWN_CHARS: Final = 100  # of a key or path that an error shows
_INT_LIMIT: Final = 2**63
_Place: TypeAlias = tuple["_Place", str | int] | None  # of an item: its holder's place, and its key there


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How large, slow and deep a body may be.

    attachments_bytes: how large its attachments may be besides, where it may have some.
    """

    limit_bytes: int
    timeout_s: float
    depth: int
    attachments_bytes: int = 0


class BodyReader:
    """Reads the body of a request: a route that has read it has whole, valid JSON."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits

    async def read(
        self, request: Request, *, may_be_empty: bool = False, has_attachments: bool = False
    ) -> Any:
        """Return the body's JSON; None if it is empty and may be.

        has_attachments: it may have messages, with attachments that count apart. A long body is parsed in a
        thread. Raises BadRequest, and ClientDisconnect if the client disconnects before its end.
        """
        limits = self._limits
        limit_bytes = limits.limit_bytes + (limits.attachments_bytes if has_attachments else 0)
        body = await self._read(request.headers, request.stream(), limit_bytes, may_be_empty=may_be_empty)
        if may_be_empty and not body:
            return None
        if len(body) <= min(limits.limit_bytes, PARSED_IN_LOOP_BYTES):
            return parse(body, limits.depth)
        return await asyncio.get_running_loop().run_in_executor(None, _parse_long, body, limits)

    async def _read(
        self, headers: Headers, chunks: AsyncIterator[bytes], limit_bytes: int, *, may_be_empty: bool
    ) -> bytes:
        too_large = BodyTooLarge(f"the body is larger than {limit_bytes} bytes")
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit_bytes:
            await _drain(chunks)
            raise too_large
        refusal = _undeclared(headers)
        if refusal is not None:
            if await _drain(chunks) and may_be_empty:
                return b""
            raise refusal
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                async for chunk in chunks:
                    parts.append(chunk)
                    size += len(chunk)
                    if size > limit_bytes:
                        break
                else:
                    return b"".join(parts)
        except TimeoutError:
            raise BodyTimeout(f"the body didn't arrive within {self._limits.timeout_s:g} s") from None
        await _drain(chunks)
        raise too_large


def _parse_long(body: bytes, limits: BodyLimits) -> Any:
    """Return the body's JSON, if it is within the limit without its attachments."""
    is_over = len(body) > limits.limit_bytes
    try:
        value = parse(body, limits.depth)
    except BadRequest as error:
        if not is_over or isinstance(error, InvalidInput):
            raise
        raise BodyTooLarge(
            f"the body is larger than {limits.limit_bytes} bytes, and not by attachments: {error}"
        ) from None
    attached = sum(each.chars for each in attachments(value)) if is_over else 0
    if len(body) - attached > limits.limit_bytes:
        raise BodyTooLarge(f"the body is larger than {limits.limit_bytes} bytes, attachments not counted")
    return value


def _undeclared(headers: Headers) -> NotJson | None:
    """Return the error of a body that isn't declared as plain JSON."""
    for coding in ",".join(headers.getlist("content-encoding")).split(","):
        if coding.strip().lower() not in ("", "identity"):
            return NotJson(f"content-encoding is {coding.strip()[:SHOWN_CHARS]}; send the body uncompressed")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        return NotJson(f"content-type is {kind[:SHOWN_CHARS] or 'missing'}; send application/json")
    return None


async def _drain(chunks: AsyncIterator[bytes]) -> bool:
    """Read and drop the rest of a body, within limits; return whether it was empty."""
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            async for chunk in chunks:
                size += len(chunk)
                if size > DRAIN_BYTES:
                    return False
            return size == 0
    return False


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
    raise BadRequest(f"the body isn't JSON: {name} is not a JSON number")


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
                    if not is_storable(item):
                        raise InvalidInput(_path((place, key)), "has a NUL or a lone surrogate")
                elif isinstance(item, dict | list):
                    below.append(((place, key), item))
        if not below:
            return
        level = below
    raise BadRequest(f"the body is nested deeper than {depth}")


def _check_keys(place: _Place, holder: dict[str, Any]) -> None:
    if not all(map(is_storable, holder)):
        raise InvalidInput(_path(place), "has a key with a NUL or a lone surrogate")


def _path(place: _Place) -> str:
    """Return the place's keys, dotted. Made for an error only: a body's keys may be as long as the body."""
    keys: list[str] = []
    while place is not None:
        place, key = place
        keys.append(str(key))
    return ".".join(reversed(keys[:-1]))[:SHOWN_CHARS] or "body"
