"""Bounds how long the SDK waits before it tries a request again.

The SDK sleeps out any Retry-After of up to a minute or more. Two retries have to fit into half a minute, so
a longer wait is handed to the caller as the error it is. `x-should-retry` is the header by which a server
tells the SDK whether to retry.
"""

from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

MAX_WAIT_S = 15  # before one retry


def http_client() -> Any:
    """Make the SDK's own HTTP client with bounded retries."""
    return DefaultHttpxClient(event_hooks={"response": [bound_retry]})


def http_async_client() -> Any:
    """Make the SDK's own asynchronous HTTP client with bounded retries."""
    return DefaultAsyncHttpxClient(event_hooks={"response": [abound_retry]})


def bound_retry(response: Any) -> None:
    """Have the SDK raise the error of a response that asks for a longer wait than MAX_WAIT_S."""
    if response.status_code >= 400 and _wait_s(response.headers) > MAX_WAIT_S:
        response.headers["x-should-retry"] = "false"


async def abound_retry(response: Any) -> None:
    """Do what bound_retry does, as an asynchronous client's hook."""
    bound_retry(response)


def _wait_s(headers: Any) -> float:
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1)):
        try:
            return float(headers[name]) * unit_s
        except (KeyError, ValueError):
            continue
    try:
        return parsedate_to_datetime(headers["retry-after"]).timestamp() - time()
    except (KeyError, ValueError):
        return 0
