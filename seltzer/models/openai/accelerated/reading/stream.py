"""Reads a streamed chat answer from its bytes, at a tenth of the work, into the same chunks.

The SDK builds a pydantic model of each frame, which ChatOpenAI dumps to a dict and builds a message of. Here
a plain frame stays the dict it was parsed to, and one that only adds text becomes a message at once; every
other one is read by the SDK's stream, as if it were the only one.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any, Self

import httpx2
from langchain_openai import StreamChunkTimeoutError
from openai import APIConnectionError, APITimeoutError, AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk

from seltzer.models.openai.accelerated.direct_path import DirectPath
from seltzer.models.openai.accelerated.http.transport import IS_WHOLE, READ, SET_CONSUMER
from seltzer.models.openai.accelerated.reading.frames import (
    Frame,
    FrameReader,
    TextFrame,
    is_done,
    plain_frame,
)
from seltzer.models.openai.accelerated.reading.read_timeout import ReadTimedOut, ReadTimeout

_DRAIN_S = 1.0  # for what may follow [DONE], before the connection is closed

Chunk = Frame | ChatCompletionChunk


class AcceleratedStream:
    """The SDK's stream, which yields a plain frame as a dict, and other frames as the SDK's models.

    read: what recognizes a plain frame. Raises what the SDK's raises, and StreamChunkTimeoutError if no frame
    arrives within chunk_timeout_s.
    """

    def __init__(
        self,
        response: httpx2.Response,
        client: AsyncOpenAI,
        *,
        chunk_timeout_s: float | None,
        model: str | None,
        direct: DirectPath | None,
        read: Callable[[bytes], Frame | None] = plain_frame,
    ) -> None:
        self.response = response
        self._client = client
        self._chunk_timeout_s = chunk_timeout_s
        self._model = model
        self._direct = direct
        self._frames = FrameReader(read)
        self._own_count = 0
        self._iterator = self._chunks()

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self._iterator

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.response.aclose()

    async def _chunks(self) -> AsyncGenerator[Chunk]:
        direct = self._direct
        try:
            async with aclosing(self._batches()) as batches:
                async for events in batches:
                    for event in events:
                        if direct and type(event) is TextFrame and await direct.publish(event.text):
                            continue
                        for published in self._published():
                            yield published
                        if isinstance(event, dict):
                            self._own_count += 1
                            yield event
                            continue
                        if is_done(event):
                            await self._drain()
                            return
                        async for chunk in self._read_by_sdk(event):
                            yield chunk
            for published in self._published():
                yield published
        finally:
            await self.response.aclose()

    def _published(self) -> tuple[Frame, ...]:
        """Return what the direct path has published since the last chunk, at most one frame."""
        published = self._direct.collect_published() if self._direct else None
        return () if published is None else (published,)

    async def _read_by_sdk(self, event: bytes) -> AsyncIterator[ChatCompletionChunk]:
        """Yield the chunk that the SDK makes of the event, if it makes one. Raises what the SDK raises."""
        if self._direct:
            self._direct.close()
        alone = httpx2.Response(200, content=event, request=self.response.request)
        stream = AsyncStream[ChatCompletionChunk](
            cast_to=ChatCompletionChunk, response=alone, client=self._client
        )
        async for chunk in stream:
            self._own_count += 1
            yield chunk

    @property
    def _count(self) -> int:
        return self._own_count + (self._direct.count if self._direct else 0)

    async def _batches(self) -> AsyncGenerator[Iterator[Frame | bytes]]:
        """Yield the events of each read. Bytes without a chunk don't restart the timeout."""
        read = self._read = self._reader()
        self._timeout = ReadTimeout(self._chunk_timeout_s)
        self._set_consumer()
        try:
            while data := await self._timeout.wait(read()):
                count = self._count
                for part in self._parts(data):
                    yield self._frames.feed(part)
                if self._count != count:
                    self._timeout.reset()
                self._set_consumer()
        except ReadTimedOut as error:
            raise StreamChunkTimeoutError(
                self._chunk_timeout_s or 0, model_name=self._model, chunks_received=self._count
            ) from error
        except httpx2.RequestError as error:  # as the SDK's reads have it
            error.request = request = self.response.request
            is_timeout = isinstance(error, httpx2.TimeoutException)
            raise (APITimeoutError(request) if is_timeout else APIConnectionError(request=request)) from error
        finally:
            self._timeout.close()
        yield self._frames.finish()

    def _reader(self) -> Callable[[], Awaitable[bytes]]:
        """Return what reads the body: its connection, unless it has to be decoded or was read before."""
        read: Callable[[], Awaitable[bytes]] | None = self.response.extensions.get(READ)
        if read is not None and self._is_on_its_connection:
            return read
        pieces: AsyncIterator[Any] = self.response.aiter_bytes()
        return lambda: anext(pieces, b"")

    @property
    def _is_on_its_connection(self) -> bool:
        return not ("content-encoding" in self.response.headers or self.response.is_closed)

    def _parts(self, data: bytes) -> Iterator[bytes]:
        """Yield what of the data the task has to read: the first event may open the direct path."""
        if self._direct is None:
            yield data
            return
        self._direct.check()
        first, end, rest = data.partition(b"\n\n")
        yield first + end
        rest = self._consume(rest) if rest and self._frames.is_between_events else rest
        self._direct.check()
        if rest:
            yield rest

    async def _drain(self) -> None:
        """Read and drop what follows [DONE], so that the connection can be used again."""
        if self._direct:
            self._direct.close()
        is_whole = self.response.extensions.get(IS_WHOLE)
        if is_whole is not None and is_whole():
            return
        try:
            async with asyncio.timeout(_DRAIN_S):
                while await self._read():
                    pass
        except (TimeoutError, httpx2.HTTPError):
            return

    def _set_consumer(self) -> None:
        """Have the connection pass to the direct path what arrives while the task waits for more.

        Only if what was read so far ends with an event.
        """
        set_consumer = self.response.extensions.get(SET_CONSUMER)
        if self._direct and set_consumer and self._is_on_its_connection:
            set_consumer(self._consume if self._frames.is_between_events else None)

    def _consume(self, data: bytes) -> bytes:
        """Publish what of the data may go the direct path, and return the rest."""
        if self._direct is None:
            return data
        rest = self._direct.consume(data)
        if len(rest) < len(data):
            self._timeout.reset()
        return rest
