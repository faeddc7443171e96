"""Asks for streamed chats through the SDK's client, by requests that are built once.

A chat's request differs from the one before in its body alone, but the SDK merges headers, options and URLs
anew for each, copies its options twice, and looks four times what kind of answer there is: a twentieth of
what a short run costs.
"""

import logging
from operator import is_
from typing import Any, NamedTuple

import httpx2
import orjson
from openai import AsyncOpenAI
from openai._httpx2 import request_exceptions
from openai._models import FinalRequestOptions
from openai._utils._json import openapi_dumps
from openai.types.chat import ChatCompletion, ChatCompletionChunk

_OUTCOME = "seltzer.outcome"  # a request's extension: what has come of it already
_BY_BODY = {b"content-length", b"cookie"}
_LEFT_TO_THE_SDK = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_LONGEST_WAIT_S = 15  # before a retry: so two are within the half minute that we promise
_SDK_LOG = logging.getLogger("openai._base_client")


class Chat(dict[str, Any]):
    """A chat's body; its request has no options of its own. tried: the request, if it was sent already."""

    tried: httpx2.Request | None = None


class _Template(NamedTuple):
    """A chat's request without its body, and the settings it was built by."""

    url: httpx2.URL
    headers: httpx2.Headers
    extensions: dict[str, Any]
    settings: tuple[Any, ...]


class ChatClient(AsyncOpenAI):
    """The client it is made of, with all that belongs to that, but for the first try of a chat's request.

    What comes of that, unless it is an answer, is given to the SDK's way as if it had come by it: that
    raises, or tries again. A client that signs its requests, or logs them, goes the SDK's way alone.
    """

    __slots__ = ("_options", "_template")  # not in the __dict__, which is the client's

    def __init__(self, client: AsyncOpenAI) -> None:
        self.__dict__ = client.__dict__
        self._options = FinalRequestOptions.construct(method="post", url="/chat/completions")
        self._template: _Template | None = None

    def is_of(self, client: AsyncOpenAI) -> bool:
        return self.__dict__ is client.__dict__

    @property
    def user_agent(self) -> str:
        return f"{AsyncOpenAI.__name__}/Python {self._version}"

    async def stream_chat(self, body: dict[str, Any], stream_cls: Any) -> Any:
        """Send the body as it is, with the SDK's retries, errors and limits, and return the stream."""
        chat = Chat(body)
        request = self._next(chat)
        if request is not None:
            outcome = await self._outcome(request)
            if isinstance(outcome, httpx2.Response) and outcome.is_success:
                return stream_cls(
                    cast_to=ChatCompletionChunk, response=outcome, client=self, options=self._options
                )
            request.extensions[_OUTCOME] = outcome
            chat.tried = request
        options = self._options.model_copy(update={"json_data": chat})
        return await self.request(ChatCompletion, options, stream=True, stream_cls=stream_cls)

    def _next(self, chat: Chat) -> httpx2.Request | None:
        """Return the chat's request; None before the first one, and where the settings have changed since."""
        made = self._template
        if made is None or not all(map(is_, self._settings(), made.settings)):
            return None
        if _SDK_LOG.isEnabledFor(logging.DEBUG):
            return None
        body, headers = _dumps(chat), made.headers.copy()
        headers["content-length"] = str(len(body))
        cookies = self._client.cookies or None
        stream, extensions = httpx2.ByteStream(body), made.extensions
        request = httpx2.Request(
            "POST", made.url, headers=headers, cookies=cookies, stream=stream, extensions=extensions
        )
        request.read()  # `content`, for who looks at it: a body given as that has all headers made anew
        return request

    async def _outcome(self, request: httpx2.Request) -> httpx2.Response | Exception:
        """Send it, and return the answer, or the error of which the SDK makes one of its own."""
        try:
            return await self._client.send(request, stream=True)
        except request_exceptions() as error:
            return error

    def _build_request(self, options: FinalRequestOptions, *, retries_taken: int = 0) -> httpx2.Request:
        chat = options.json_data
        if not isinstance(chat, Chat) or retries_taken:
            return super()._build_request(options, retries_taken=retries_taken)
        if chat.tried is not None:
            return chat.tried
        request = super()._build_request(options)
        if self._is_plain and not (options.headers or options.params):
            fixed = [(name, value) for name, value in request.headers.raw if name.lower() not in _BY_BODY]
            self._template = _Template(
                request.url, httpx2.Headers(fixed), {**request.extensions}, self._settings()
            )
        return request

    def _should_retry(self, response: httpx2.Response) -> bool:
        """Say no to a longer wait than ours, which the SDK would sleep out: who asks is told to come back."""
        wait_s = self._parse_retry_after_header(response.headers)
        return not (wait_s and wait_s > _LONGEST_WAIT_S) and super()._should_retry(response)

    async def _send_request(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        outcome: httpx2.Response | Exception | None = request.extensions.pop(_OUTCOME, None)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome or await super()._send_request(request, **options)

    @property
    def _is_plain(self) -> bool:
        """Say whether no request needs a key, a signature or a form of its own."""
        signs = (
            self._api_key_provider,
            self._workload_identity_auth,
            self._provider_runtime,
            self.custom_auth,
        )
        return isinstance(self._client, httpx2.AsyncClient) and not any(signs)

    def _settings(self) -> tuple[Any, ...]:
        """Return what the client's users may have changed, if not in the HTTP client's own headers."""
        return (
            *(self.api_key, self._base_url, self.timeout, self.organization, self.project),
            *(self._custom_headers, self._custom_query, self._client),
        )


def _dumps(chat: Chat) -> bytes:
    """Write what the SDK writes, which takes five times as long for a long history.

    Departs from it: 1e-07 is 1e-7; a UUID and an Enum are written, where it raises TypeError.
    """
    try:
        body = orjson.dumps(chat, option=_LEFT_TO_THE_SDK)
    except TypeError:  # such as a number of more than 64 bit, a model or a lone surrogate
        return openapi_dumps(chat)
    # A null may have been a NaN, which the SDK refuses; but not LangChain's, beside tool calls.
    if body.count(b"null") > body.count(b'"content":null'):
        return openapi_dumps(chat)
    return bytes(memoryview(body))  # a copy: orjson's own keeps 4 KB at least
