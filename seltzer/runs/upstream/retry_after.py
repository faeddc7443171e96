"""How long a provider asks to wait, in all the spellings there are.

Sources: RFC 9110 10.2.3 (seconds, or an HTTP date), OpenAI's and Azure's `retry-after-ms`, google.rpc's
RetryInfo in an error's body.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, Final

_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_MOST_S: Final = 10**9
_MOST_BEHIND: Final = 5


def retry_after_s(error: BaseException) -> float | None:
    """Return the seconds that the error's response asks to wait, or that of an error behind it; None if none.

    Packages that wrap a client's error keep its response in that alone.
    """
    current: BaseException | None = error
    for _ in range(_MOST_BEHIND):
        if current is None:
            break
        seconds = _asked_s(current)
        if seconds is not None:
            return seconds
        current = current.__cause__ or current.__context__
    return None


def _asked_s(error: BaseException) -> float | None:
    for headers in _headers(error):
        milliseconds = _number(_value(headers, "retry-after-ms"))
        if milliseconds is not None:
            return milliseconds / 1000
        asked = _value(headers, "retry-after")
        seconds = _number(asked)
        if seconds is None:
            seconds = _until(asked)
        if seconds is not None:
            return seconds
    return _retry_info(getattr(error, "details", None))


def _headers(error: BaseException) -> list[Any]:
    response = getattr(error, "response", None)
    found = [getattr(response, "headers", None), getattr(error, "headers", None)]
    if isinstance(response, Mapping):  # botocore's
        metadata = response.get("ResponseMetadata")
        found.append(metadata.get("HTTPHeaders") if isinstance(metadata, Mapping) else None)
    return [each for each in found if callable(getattr(each, "get", None))]


def _value(headers: Any, name: str) -> str:
    value = headers.get(name) or headers.get(name.title())  # plain dicts heed the case
    return value if isinstance(value, str) else ""


def _number(value: str) -> float | None:
    return float(value) if _SECONDS.fullmatch(value) else None


def _until(value: str) -> float | None:
    """Return the seconds until an HTTP date; none are left if it has passed."""
    try:
        seconds = parsedate_to_datetime(value).timestamp() - time()
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return max(0.0, seconds) if seconds < _MOST_S else None


def _retry_info(details: Any) -> float | None:
    """Read Google's `{"error": {"details": [{"retryDelay": "7s"}]}}`."""
    error = details.get("error") if isinstance(details, Mapping) else None
    found = error.get("details") if isinstance(error, Mapping) else None
    for each in found if isinstance(found, list) else ():
        delay = each.get("retryDelay") if isinstance(each, Mapping) else None
        if isinstance(delay, str) and delay.endswith("s"):
            return _number(delay[:-1])
    return None
