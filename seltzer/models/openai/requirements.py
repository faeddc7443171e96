"""What the accelerated model depends on: packages, and the libraries' private names, each with its reason.

It is looked through when a model is built. The libraries' names are here and where they are used, in
accelerated/chat_model.py; the rest of that package uses public names alone.
"""

import inspect
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import langchain_openai
import openai
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI

_PACKAGES = ("httpx2", "httptools", "orjson")


def first_missing() -> str | None:
    """Name the first requirement that isn't met; None if all are."""
    for package in _PACKAGES:
        if find_spec(package) is None:
            return f"the package {package}"
    return next((name for name, is_met in _CHECKS.items() if not is_met()), None)


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
