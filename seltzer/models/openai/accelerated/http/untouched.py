"""Whether what sends the SDK's requests is the libraries' own: tracers and mocks of HTTP replace it."""

from collections.abc import Iterable
from types import FunctionType
from typing import Any, Final

import httpx2
from openai import AsyncOpenAI, OpenAI
from openai.resources.chat import AsyncCompletions, Completions

Method = tuple[type, str]

REQUESTS: Final[tuple[Method, ...]] = (
    (AsyncCompletions, "create"),
    (AsyncOpenAI, "post"),
    (AsyncOpenAI, "request"),
    (httpx2.AsyncClient, "send"),
    (httpx2.AsyncHTTPTransport, "handle_async_request"),
)
BLOCKING_REQUESTS: Final[tuple[Method, ...]] = (  # what is below these is left as it is
    (Completions, "create"),
    (OpenAI, "post"),
    (OpenAI, "request"),
)
_NAMES: Final = frozenset(name for _, name in REQUESTS)


def are_unchanged(client: Any, completions: Any, requests: Iterable[Method] = REQUESTS) -> bool:
    """Return whether nobody has put others in the place of the client's completions or of these methods."""
    return (
        completions is client.chat.completions
        and _NAMES.isdisjoint(vars(client))
        and _NAMES.isdisjoint(vars(completions))
        and all(_is_its_librarys(owner, name) for owner, name in requests)
    )


def is_unwrapped(completions: Any) -> bool:
    """Return whether the SDK's own `create` is called by these completions."""
    return "create" not in vars(completions) and _is_its_librarys(AsyncCompletions, "create")


def _is_its_librarys(owner: type, name: str) -> bool:
    method = getattr(owner, name)
    library = owner.__module__.partition(".")[0]
    return type(method) is FunctionType and method.__globals__["__name__"].partition(".")[0] == library
