"""LangChain's OpenAI models for any OpenAI-compatible server: strict, and accelerated where that is possible.

`openai_chat()` and `openai_completion()` are the only door. What a chat model does is in strict.py; the
package accelerated does the same in less time, if what it depends on is installed and behaves as expected.
stock.py does that for people's own ChatOpenAIs.
"""

from typing import Any

import langchain_openai  # noqa: F401  before strict.py: what waits for this import needs that module whole
from openai import Timeout
from pydantic import SecretStr

from seltzer.models.openai.retries import http_async_client, http_client
from seltzer.models.openai.strict import StrictChatOpenAI, StrictOpenAI

__all__ = ["StrictChatOpenAI", "StrictOpenAI", "openai_chat", "openai_completion"]

MAX_RETRIES = 2
CONNECT_S = 10
READ_S = 60  # to the first byte, and between chunks
_NO_KEY = "not-needed"  # servers without keys ignore it; the client insists on one


def openai_chat(
    name: str, api_key: str | None, base_url: str | None, *, accelerate: bool = True
) -> StrictChatOpenAI:
    """Build a chat model; without a base URL it is OpenAI's own service."""
    options: dict[str, Any] = {
        **_options(name, api_key, base_url),
        "stream_usage": True,
        "http_client": http_client(),
    }
    if "stream_chunk_timeout" in StrictChatOpenAI.model_fields:
        options["stream_chunk_timeout"] = READ_S
    accelerated = _accelerated(options) if accelerate else None
    return accelerated or StrictChatOpenAI(**options, http_async_client=http_async_client())


def openai_completion(name: str, api_key: str | None, base_url: str | None) -> StrictOpenAI:
    """Build a completion model; without a base URL it is OpenAI's own service."""
    return StrictOpenAI(**_options(name, api_key, base_url))


def _options(name: str, api_key: str | None, base_url: str | None) -> dict[str, Any]:
    return {
        "model": name,
        "api_key": SecretStr(api_key or _NO_KEY),
        "base_url": base_url,
        "max_retries": MAX_RETRIES,
        "timeout": Timeout(READ_S, connect=CONNECT_S),
    }


def _accelerated(options: dict[str, Any]) -> StrictChatOpenAI | None:
    """Build the accelerated model; None if it can't work with the libraries as they are."""
    from seltzer.models.openai import requirements  # noqa: PLC0415  only if it is wanted

    missing = requirements.first_missing()
    if missing is None:
        from seltzer.models.openai.accelerated import accelerated_chat  # noqa: PLC0415  httpx2 is optional

        model = accelerated_chat(options)
        if model.makes_known_chunks():
            return model
        missing = requirements.KNOWN_CHUNKS
    requirements.warn_once(missing)
    return None
