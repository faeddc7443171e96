"""What the accelerated model depends on: packages, and the libraries' private names, each with its reason.

It is checked when a model is built, and when people's own ChatOpenAIs are to be accelerated. The libraries'
names are here and where they are used, in chat_model.py and stock.py of the package accelerated; the rest of
it uses public names alone.
"""

import inspect
import logging
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import langchain_openai
import openai
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI

KNOWN_CHUNKS = "langchain_openai's ChatOpenAI to make the chunks it is known to make"
_PACKAGES = ("httpx2", "httptools", "orjson")
_CLIENTS = "langchain_openai.chat_models._client_utils"
_log = logging.getLogger(__name__)


def first_missing() -> str | None:
    """Name the first requirement of our model that isn't met; None if all are."""
    for package in _PACKAGES:
        if find_spec(package) is None:
            return f"the package {package}"
    return next((name for name, is_met in _CHECKS.items() if not is_met()), None)


def first_missing_for_stock() -> str | None:
    """Name the first requirement of people's own models that isn't met; None if all are."""
    return first_missing() or next((name for name, is_met in _STOCK_CHECKS.items() if not is_met()), None)


@cache
def warn_once(missing: str) -> None:
    """Log what isn't there, and how to do without this warning."""
    _log.warning(
        "Accelerated OpenAI models need %s; using the plain ones. "
        "SELTZER_ACCELERATE=off chooses the plain ones without this warning.",
        missing,
    )


def default_http_client() -> type | None:
    """Return the class of the HTTP client that ChatOpenAI makes where its user gives it none."""
    try:
        kind = getattr(import_module(_CLIENTS), "_AsyncHttpxClientWrapper", None)
    except ImportError:
        return None
    return kind if isinstance(kind, type) and issubclass(kind, openai.DefaultAsyncHttpxClient) else None


def _client_is_httpx2s() -> bool:
    """Return whether the SDK uses httpx2, as it does from openai 3 on."""
    return issubclass(openai.DefaultAsyncHttpxClient, import_module("httpx2").AsyncClient)


def _has_chunk_timeout() -> bool:
    return hasattr(langchain_openai, "StreamChunkTimeoutError") and (
        "stream_chunk_timeout" in ChatOpenAI.model_fields
    )


def _accepts(owner: type, name: str, *args: Any, **kwargs: Any) -> Callable[[], bool]:
    """Return a check that the method can be called with such arguments."""

    def check() -> bool:
        method = getattr(owner, name, None)
        if method is None:
            return False
        try:
            inspect.signature(method).bind(None, *args, **kwargs)
        except TypeError:
            return False
        return True

    return check


def _has_http_client() -> bool:
    """Return whether the SDK's client has its HTTP client in the attribute of this name."""
    return any("_client" in vars(kind).get("__annotations__", {}) for kind in openai.AsyncOpenAI.__mro__)


_CHECKS: dict[str, Callable[[], bool]] = {
    "openai.DefaultAsyncHttpxClient to be one of httpx2": _client_is_httpx2s,
    "langchain_openai's stream_chunk_timeout": _has_chunk_timeout,
    # What runs a call, with the callbacks' manager: the run's callbacks are replaced there.
    "langchain_core's BaseChatModel._agenerate_with_cache": _accepts(
        BaseChatModel, "_agenerate_with_cache", [], stop=None, run_manager=None, option=1
    ),
    # What makes a chunk of a frame: a frame that only adds text is made one here.
    "langchain_openai's ChatOpenAI._convert_chunk_to_generation_chunk": _accepts(
        ChatOpenAI, "_convert_chunk_to_generation_chunk", {}, AIMessageChunk, None
    ),
    # What recognises calls of the Responses API, which aren't accelerated.
    "langchain_openai's ChatOpenAI._use_responses_api": _accepts(ChatOpenAI, "_use_responses_api", {}),
}

_STOCK_CHECKS: dict[str, Callable[[], bool]] = {
    # What tells an HTTP client of the user's own from the one that is made by default.
    f"{_CLIENTS}._AsyncHttpxClientWrapper": lambda: default_http_client() is not None,
    "openai's AsyncOpenAI._client": _has_http_client,
}
