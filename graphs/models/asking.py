"""Asks for streamed chats through the SDK's client, by requests that are built once.

A chat's request differs from the one before in its body alone, but the SDK merges headers, options and URLs
anew for each: a tenth of what a short run costs.
"""

from typing import Any

import httpx2
from openai import AsyncOpenAI, NotGiven
from openai._models import FinalRequestOptions
from openai._utils._json import openapi_dumps
from openai.types.chat import ChatCompletion


class Chat(dict[str, Any]):
    """A chat's body; its request has no options of its own."""


class ChatClient(AsyncOpenAI):
    """The client it is made of, with all that belongs to that, but for the building of a chat's request.

    A request for a second try, or by settings that have changed since, is built in the SDK's way.
    """

    __slots__ = ("_built", "_built_by", "_options")  # not in the __dict__, which is the client's

    def __init__(self, client: AsyncOpenAI) -> None:
        self.__dict__ = client.__dict__
        self._options = FinalRequestOptions.construct(method="post", url="/chat/completions")
        self._built_by: tuple[Any, ...] = ()
        self._built: tuple[httpx2.URL, list[tuple[bytes, bytes]], dict[str, Any]] | None = None

    def is_of(self, client: AsyncOpenAI) -> bool:
        return self.__dict__ is client.__dict__

    @property
    def user_agent(self) -> str:
        return f"{AsyncOpenAI.__name__}/Python {self._version}"

    async def stream_chat(self, body: dict[str, Any], stream_cls: Any) -> Any:
        """Send the body as it is, with the SDK's retries, errors and limits, and return the stream."""
        options = self._options.model_copy(update={"json_data": Chat(body)})
        return await self.request(ChatCompletion, options, stream=True, stream_cls=stream_cls)

    def _build_request(self, options: FinalRequestOptions, *, retries_taken: int = 0) -> httpx2.Request:
        is_plain = type(options.json_data) is Chat and isinstance(options.headers, NotGiven)
        if retries_taken or not is_plain or options.params:
            return super()._build_request(options, retries_taken=retries_taken)
        settings = self._settings()
        if self._built is None or not all(map(_is, settings, self._built_by)):
            request = super()._build_request(options)
            fixed = [(name, value) for name, value in request.headers.raw if name.lower() not in _BY_BODY]
            self._built, self._built_by = (request.url, fixed, request.extensions), settings
            return request
        url, headers, extensions = self._built
        return httpx2.Request(
            "POST",
            url,
            headers=headers,
            cookies=self._client.cookies or None,
            content=openapi_dumps(options.json_data),
            extensions={**extensions},
        )

    def _settings(self) -> tuple[Any, ...]:
        """Return what the client's users may have changed."""
        return (
            *(self.api_key, self._base_url, self.timeout, self.organization, self.project),
            *(self._custom_headers, self._custom_query, self._client),
        )


_BY_BODY = {b"content-length", b"cookie"}


def _is(one: object, other: object) -> bool:
    return one is other
