"""The chat completions that ChatOpenAI calls, whose streams are read from their bytes."""

import asyncio
from collections.abc import Callable
from inspect import signature
from types import NoneType
from typing import Any

import httpx2
from openai import APITimeoutError, AsyncOpenAI
from openai.resources.chat import AsyncCompletions

from seltzer.models.openai.accelerated.direct_path import DirectPath
from seltzer.models.openai.accelerated.http.repeated_requests import RepeatedRequests, post
from seltzer.models.openai.accelerated.reading.frames import Frame, plain_frame, text_frame
from seltzer.models.openai.accelerated.reading.stream import AcceleratedStream

_OPTIONS = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}
_BODY = signature(AsyncCompletions.create).parameters.keys() - _OPTIONS
_JSON = frozenset({str, int, float, bool, NoneType, list, dict})


class AcceleratedCompletions:
    """The SDK's chat completions, whose streams are AcceleratedStreams.

    client asks for streams, plain for whole answers. opening_s bounds the wait for a stream's head, with all
    retries. chunk_timeout_s is ChatOpenAI's stream_chunk_timeout, whose own way costs a task for each chunk.
    direct is the path that plain text may go instead of being read by the task. requests opens the streams of
    plain payloads; the SDK if it is None.
    """

    def __init__(
        self,
        client: AsyncOpenAI,
        plain: AsyncCompletions,
        *,
        opening_s: float | None,
        chunk_timeout_s: float | None,
        model: str,
        direct: DirectPath | None,
        requests: RepeatedRequests | None,
    ) -> None:
        self._client = client
        self._plain = plain
        self._opening_s = opening_s
        self._chunk_timeout_s = chunk_timeout_s
        self._model = model
        self._direct = direct
        self._requests = requests
        self._stream: AcceleratedStream | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    async def create(self, **payload: Any) -> Any:
        """Send the request with the SDK's retries, errors and limits."""
        if not payload.get("stream"):
            return await self._plain.create(**payload)
        return await self._open_stream(payload, plain_frame)

    async def open_text(self, payload: dict[str, Any]) -> AcceleratedStream:
        """Open a stream of which the SDK reads all frames but those of texts."""
        return await self._open_stream(payload, text_frame)

    async def _open_stream(
        self, payload: dict[str, Any], read: Callable[[bytes], Frame | None]
    ) -> AcceleratedStream:
        self._stream = AcceleratedStream(
            await self._open_in_time(payload),
            self._client,
            chunk_timeout_s=self._chunk_timeout_s,
            model=self._model,
            direct=self._direct,
            read=read,
        )
        return self._stream

    async def aclose(self) -> None:
        """Close the stream that was opened last, if it wasn't read to its end."""
        if self._stream:
            await self._stream.response.aclose()

    async def _open_in_time(self, payload: dict[str, Any]) -> httpx2.Response:
        """Wait for the head no longer than opening_s. A timeout that the call names is the only one."""
        limit_s = None if "timeout" in payload else self._opening_s
        try:
            async with asyncio.timeout(limit_s) as opening:
                return await self._open(payload)
        except TimeoutError as error:
            if not opening.expired():
                raise
            url = self._client.base_url.join("chat/completions")
            raise APITimeoutError(httpx2.Request("POST", url)) from error

    async def _open(self, payload: dict[str, Any]) -> httpx2.Response:
        """Send a plain payload as it is: what the SDK renames or leaves out, no chat's messages have.

        It looks for that in each message of the history, which is most of a long thread's turn. A client of
        another class, such as Azure's, may build its requests in a way of its own.
        """
        if self._requests and type(self._client) is AsyncOpenAI and _is_plain(payload):
            return await self._requests.open(self._client, payload)
        return await post(self._client, payload)


def _is_plain(payload: dict[str, Any]) -> bool:
    """Return whether the payload is JSON that the SDK's API has, without options of the request."""
    return payload.keys() <= _BODY and _JSON.issuperset(map(type, payload.values()))
