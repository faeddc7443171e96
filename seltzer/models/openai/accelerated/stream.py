"""Reads ChatOpenAI's stream from its bytes, at a tenth of the cost, into the same chunks.

The SDK builds a pydantic model of each frame, which ChatOpenAI dumps to a dict and builds a message of. Here
a plain frame stays the dict it came as, and one that only adds text becomes a message at once; every other
one goes their way, as if it had come alone.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from inspect import signature
from types import NoneType
from typing import Any, TypeVar, cast

import httpx2
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import StreamChunkTimeoutError
from openai import APIConnectionError, APITimeoutError, AsyncOpenAI, AsyncStream
from openai.resources.chat import AsyncCompletions
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel

from seltzer.models.openai.accelerated.chat_client import ChatClient
from seltzer.models.openai.accelerated.direct_path import Direct
from seltzer.models.openai.accelerated.frames import Events, TextDelta
from seltzer.models.openai.accelerated.read_timeout import Silent, Watch
from seltzer.models.openai.accelerated.transport import IS_WHOLE, OFFER, READ

Model = TypeVar("Model", bound=BaseModel)


class LeanCompletions:
    """What ChatOpenAI asks of the SDK's chat completions when it streams.

    chunk_timeout_s is ChatOpenAI's stream_chunk_timeout, whose own way costs a task for each chunk. direct is
    the way that plain text may take instead of being read here.
    """

    def __init__(
        self, client: AsyncOpenAI, *, chunk_timeout_s: float | None, model: str, direct: Direct | None
    ) -> None:
        self._client = client
        self._chunk_timeout_s = chunk_timeout_s
        self._model = model
        self._direct = direct

    async def create(self, **payload: Any) -> "LeanStream":
        """Send the request with the SDK's retries, errors and limits. payload asks for a stream.

        A plain one is sent as it is: what the SDK renames or leaves out, no chat's messages have. It looks
        for that in each message of the history, which is most of a long thread's turn.
        """
        if isinstance(self._client, ChatClient) and _is_plain(payload):
            stream: LeanStream = await self._client.stream_chat(payload, LeanStream)
        else:
            stream = await self._create(payload)
        stream.chunk_timeout_s = self._chunk_timeout_s
        stream.model = self._model
        stream.direct = self._direct
        return stream

    async def _create(self, payload: dict[str, Any]) -> "LeanStream":
        answer = await self._client.chat.completions.with_raw_response.create(**payload)
        stream: LeanStream = answer.parse(to=LeanStream)
        return stream


def _is_plain(payload: dict[str, Any]) -> bool:
    """Say whether the payload is JSON that the SDK knows, without options of the request."""
    return payload.keys() <= _BODY and _JSON.issuperset(map(type, payload.values()))


_OPTIONS = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}
_BODY = signature(AsyncCompletions.create).parameters.keys() - _OPTIONS
_JSON = frozenset({str, int, float, bool, NoneType, list, dict})


class LeanStream(AsyncStream[ChatCompletionChunk]):
    """The SDK's stream, which gives a plain frame as the dict it is, and other frames as the SDK's models.

    Raises what the SDK's raises, and StreamChunkTimeoutError if no frame comes within chunk_timeout_s.
    """

    chunk_timeout_s: float | None = None
    model: str | None = None
    direct: Direct | None = None
    _own_count = 0

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterator

    async def __stream__(self) -> AsyncIterator[Any]:
        try:
            async with (
                aclosing(super().__stream__()) as the_long_way,  # type: ignore[type-var]
                aclosing(self._batches()) as batches,
            ):
                async for events in batches:
                    for event in events:
                        if self.direct and type(event) is TextDelta and await self.direct.tell(event.text):
                            continue
                        self._own_count += 1
                        if isinstance(event, dict):
                            yield event
                            continue
                        self._event = event
                        if self.direct:
                            self.direct.is_open = False
                        if event.data.startswith("[DONE]") and self._is_whole():
                            return
                        try:
                            chunk = await anext(the_long_way)
                        except StopAsyncIteration:  # it was [DONE]; what follows is read, and dropped
                            return
                        yield chunk
        finally:
            await self.response.aclose()

    async def _iter_events(self) -> AsyncIterator[Any]:
        """Give the long way the one event it is asked to go."""
        while True:
            yield self._event

    @property
    def _count(self) -> int:
        return self._own_count + (self.direct.count if self.direct else 0)

    async def _batches(self) -> AsyncGenerator[Iterator[Any]]:
        """Yield the events of each read. Bytes without an event don't count as a sign of life."""
        self._events = Events[Any](cast(Any, self._decoder).decode)  # the type tells of another of its ways
        self._decoder = cast(Any, _Undecoded())
        read = self._reader()
        self._watch = Watch(self.chunk_timeout_s)
        self._offer_direct()
        try:
            while data := await self._watch.wait(read()):
                count = self._count
                for part in self._long_parts(data):
                    yield self._events.feed(part)
                if self._count != count:
                    self._watch.note()
                self._offer_direct()
        except Silent as error:
            raise StreamChunkTimeoutError(
                self.chunk_timeout_s or 0, model_name=self.model, chunks_received=self._count
            ) from error
        except httpx2.RequestError as error:  # as the SDK's reads have it
            error.request = request = self.response.request
            is_timeout = isinstance(error, httpx2.TimeoutException)
            raise (APITimeoutError(request) if is_timeout else APIConnectionError(request=request)) from error
        finally:
            self._watch.close()
        self._events.finish()

    def _reader(self) -> Callable[[], Awaitable[bytes]]:
        """Return what reads the body: straight from the connection, unless it has to be decoded or was read.

        The SDK's way to there is five generators deep.
        """
        read: Callable[[], Awaitable[bytes]] | None = self.response.extensions.get(READ)
        if read is not None and self._is_on_its_connection:
            return read
        reads: AsyncIterator[Any] = super()._iter_events()
        return lambda: anext(reads, b"")

    @property
    def _is_on_its_connection(self) -> bool:
        """Say whether the body can be read as it comes in; else it is to be decoded, or was read before."""
        return not ("content-encoding" in self.response.headers or self.response.is_closed)

    def _long_parts(self, data: bytes) -> Iterator[bytes]:
        """Yield what of the data has to go the long way: the first event may open the direct one."""
        if self.direct is None:
            yield data
            return
        self.direct.check()
        first, end, rest = data.partition(b"\n\n")
        yield first + end
        rest = self._take(rest) if rest and self._events.is_between else rest
        self.direct.check()
        if rest:
            yield rest

    def _is_whole(self) -> bool:
        """Say whether nothing comes behind [DONE]: the long way waits for that, in a scope of anyio's."""
        is_whole = self.response.extensions.get(IS_WHOLE)
        return is_whole is not None and is_whole()

    def _offer_direct(self) -> None:
        """Have the connection offer to the direct way what comes in while the long one waits next.

        Only if what was read ends with an event.
        """
        offer = self.response.extensions.get(OFFER)
        if self.direct and offer and self._is_on_its_connection:
            offer(self._take if self._events.is_between else None)

    def _take(self, data: bytes) -> bytes:
        """Take what of the data may go the direct way, and return the rest."""
        if self.direct is None:
            return data
        rest = self.direct.take(data)
        if len(rest) < len(data):
            self._watch.note()
        return rest


class _Undecoded:
    """An SSE decoder for the SDK that hands on the bytes as they come."""

    def aiter_bytes(self, data: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        return data


def text_chunk(text: str) -> ChatGenerationChunk:
    """Make the chunk that ChatOpenAI makes of a TextDelta, as unpickling makes one: without validating it.

    A validated one costs four times as much, which is most of what reading a token costs.
    """
    fields = {
        **_MESSAGE.__dict__,
        "content": text,
        "additional_kwargs": {},
        "response_metadata": {**_METADATA},
    }
    fields["tool_calls"], fields["invalid_tool_calls"], fields["tool_call_chunks"] = [], [], []
    message = _made(AIMessageChunk, fields, _MESSAGE.model_fields_set, {})
    fields = {**_CHUNK.__dict__, "text": text, "message": message}
    return _made(ChatGenerationChunk, fields, _CHUNK.model_fields_set, None)


def _made(
    kind: type[Model], fields: dict[str, Any], fields_set: set[str], extra: dict[str, Any] | None
) -> Model:
    made = kind.__new__(kind)
    _set(made, "__dict__", fields)
    _set(made, "__pydantic_fields_set__", fields_set.copy())
    _set(made, "__pydantic_extra__", extra)
    _set(made, "__pydantic_private__", None)
    return made


_set = object.__setattr__
_METADATA = {"model_provider": "openai"}
_MESSAGE = AIMessageChunk(content="", additional_kwargs={}, id=None, tool_call_chunks=[])
_CHUNK = ChatGenerationChunk(message=_MESSAGE, generation_info=None)
