"""The same reading of a stream's bytes for plain functions, which wait for it in their own threads.

The model's own client sends the request and receives the answer: only how that is read differs.
"""

from collections.abc import Iterator
from typing import Any, Self

import httpx2
from openai import APIConnectionError, APITimeoutError, OpenAI, Stream
from openai.resources.chat import Completions
from openai.types.chat import ChatCompletionChunk

from seltzer.models.openai.accelerated.reading.frames import Frame, FrameReader, is_done


class BlockingCompletions:
    """The SDK's chat completions, whose streams are BlockingStreams."""

    def __init__(self, client: OpenAI, plain: Completions) -> None:
        self._client = client
        self._plain = plain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def create(self, **payload: Any) -> Any:
        """Send the request with the SDK's retries, errors and limits."""
        if not payload.get("stream"):
            return self._plain.create(**payload)
        answer = self._plain.with_raw_response.create(**payload)
        return BlockingStream(answer.http_response, self._client)


class BlockingStream:
    """The SDK's stream, which yields a plain frame as a dict, and other frames as the SDK's models."""

    def __init__(self, response: httpx2.Response, client: OpenAI) -> None:
        self._response = response
        self._client = client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._response.close()

    def __iter__(self) -> Iterator[Frame | ChatCompletionChunk]:
        try:
            for event in self._events():
                if isinstance(event, dict):
                    yield event
                elif is_done(event):
                    return
                else:
                    yield from self._read_by_sdk(event)
        finally:
            self._response.close()

    def _events(self) -> Iterator[Frame | bytes]:
        frames, request = FrameReader(), self._response.request
        try:
            for data in self._response.iter_bytes():
                if data:
                    yield from frames.feed(data)
        except httpx2.TimeoutException as error:  # as the SDK's reads have it
            raise APITimeoutError(request=request) from error
        except httpx2.RequestError as error:
            raise APIConnectionError(request=request) from error
        yield from frames.finish()

    def _read_by_sdk(self, event: bytes) -> Iterator[ChatCompletionChunk]:
        """Yield the chunk that the SDK makes of the event, if it makes one. Raises what the SDK raises."""
        alone = httpx2.Response(200, content=event, request=self._response.request)
        yield from Stream[ChatCompletionChunk](
            cast_to=ChatCompletionChunk, response=alone, client=self._client
        )
