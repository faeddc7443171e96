"""The strict model, whose streams are read from their bytes and published in place."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from openai import AsyncOpenAI

from seltzer.models.openai.accelerated.callbacks import CallbacksInPlace, callbacks_in_place
from seltzer.models.openai.accelerated.completions import AcceleratedCompletions
from seltzer.models.openai.accelerated.direct_path import DirectPath, PublishedText
from seltzer.models.openai.accelerated.http.client import ModelHttpClient
from seltzer.models.openai.accelerated.http.untouched import is_unwrapped
from seltzer.models.openai.accelerated.reading.blocking_stream import BlockingCompletions
from seltzer.models.openai.accelerated.reading.frames import TextFrame
from seltzer.models.openai.accelerated.reading.parsed_stream import ParsingClient
from seltzer.models.openai.accelerated.reading.text_chunk import text_chunk
from seltzer.models.openai.retries import abound_retry
from seltzer.models.openai.strict import StrictChatOpenAI


def accelerated_chat(options: dict[str, Any]) -> "AcceleratedChatOpenAI":
    """Build the model with an HTTP client of its own."""
    client = ModelHttpClient(event_hooks={"response": [abound_retry]})
    return AcceleratedChatOpenAI(**options, http_async_client=client)


OPENING_S = 60.0  # to a stream's head, with all retries, where no timeout is set
SILENCE_S = (
    60.0  # amid a stream, where neither that nor stream_chunk_timeout is set: less than a run's own limit
)


class AcceleratedChatOpenAI(StrictChatOpenAI):
    """StrictChatOpenAI at a tenth of the work a token. What it doesn't recognise is done by that."""

    def makes_known_chunks(self) -> bool:
        """Return whether a text's chunk, which is made here, is the one that ChatOpenAI makes of it."""
        frame = {"choices": [{"index": 0, "delta": {"content": "text"}, "finish_reason": None}]}
        return super()._convert_chunk_to_generation_chunk(frame, AIMessageChunk, {}) == text_chunk("text")

    async def _agenerate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Run a call with callbacks that are called in place, if they can be."""
        callbacks = run_manager and callbacks_in_place(run_manager)
        if not (isinstance(callbacks, CallbacksInPlace) and self.can_accelerate(kwargs)):
            return await super()._agenerate_with_cache(messages, stop, callbacks, **kwargs)
        model = self._reading_bytes(DirectPath(callbacks), kwargs)
        try:
            run = super(AcceleratedChatOpenAI, model)._agenerate_with_cache
            return await run(messages, stop, callbacks, **kwargs)
        finally:  # LangChain's loop leaves its stream to the garbage collector if a handler fails
            await model.async_client.aclose()

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        model = self._reading_bytes(None, kwargs) if self.can_accelerate(kwargs) else self
        chunks = super(AcceleratedChatOpenAI, model)._astream(*args, **kwargs)
        async with aclosing(chunks) as open_chunks:  # type: ignore[type-var]
            async for chunk in open_chunks:
                yield chunk

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        model = self
        if self.can_accelerate_blocking(kwargs):
            completions = BlockingCompletions(self.root_client, self.client)
            model = self.model_copy(update={"client": completions})
        yield from super(AcceleratedChatOpenAI, model)._stream(*args, **kwargs)

    def can_accelerate(self, options: dict[str, Any]) -> bool:
        """Return whether ChatOpenAI would ask for a stream of chat completions, and nothing else."""
        if isinstance(self.async_client, AcceleratedCompletions):
            return False
        # Without a client it was given the completions alone; a tracer's `create` has to be called.
        is_the_sdks = self.root_async_client is not None and is_unwrapped(self.async_client)
        return is_the_sdks and self._asks_for_completions(options)

    def can_accelerate_blocking(self, options: dict[str, Any]) -> bool:
        """Return the same for a call without an event loop, where the SDK reads answers in a form."""
        is_formed = "response_format" in options or "response_format" in self.model_kwargs
        return self.root_client is not None and not is_formed and self._asks_for_completions(options)

    def _asks_for_completions(self, options: dict[str, Any]) -> bool:
        reads_headers = self.include_response_headers or getattr(self, "_uses_gateway", False)
        return not (reads_headers or self.output_version == "v1" or self.uses_responses_api(options))

    def _reading_bytes(self, direct: DirectPath | None, options: dict[str, Any]) -> Self:
        """Return this model for one call: a stream is read from its bytes, its silences are bounded there."""
        client: AsyncOpenAI = self.root_async_client
        http_client = self.http_async_client
        completions = AcceleratedCompletions(
            client,
            self.async_client,
            opening_s=OPENING_S if client.timeout is None else None,
            chunk_timeout_s=self._chunk_timeout_s(client),
            model=self.model_name,
            direct=direct,
            requests=http_client.repeated if isinstance(http_client, ModelHttpClient) else None,
        )
        changes: dict[str, Any] = {"async_client": completions, "stream_chunk_timeout": None}
        if "response_format" in options or "response_format" in self.model_kwargs:
            changes["root_async_client"] = ParsingClient(client, completions.open_text)
        return self.model_copy(update=changes)

    def _chunk_timeout_s(self, client: AsyncOpenAI) -> float | None:
        timeout_s: float | None = self.stream_chunk_timeout
        is_own = client.timeout is not None or "stream_chunk_timeout" in self.model_fields_set
        return timeout_s if is_own or not timeout_s else min(timeout_s, SILENCE_S)

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        if type(chunk) is PublishedText:
            return chunk.chunk
        if type(chunk) is TextFrame and default_chunk_class is AIMessageChunk and not base_generation_info:
            return text_chunk(chunk.text)
        return super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
