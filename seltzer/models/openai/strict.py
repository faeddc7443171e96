"""LangChain's OpenAI models made strict about how a stream ends.

Departs from langchain-openai:
1. A stream that ends without a finish reason raises UpstreamTruncated; there it counts as success.
2. Tool arguments that aren't a complete JSON object become an invalid tool call; there they are repaired
   while streaming, and the incomplete call is run.
3. `reasoning_content` or `reasoning`, which many servers send, is kept in additional_kwargs; there it is
   dropped.
4. An answer has to begin within a minute in all; there each of three tries may take as long.
The Responses API ends in a way of its own and isn't changed.

Two private names of langchain-openai are used. Without `_convert_chunk_to_generation_chunk` the third point
is lost; without `_use_responses_api` only a model that names the Responses API is seen to use it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, GenerationChunk
from langchain_core.utils.json import parse_partial_json
from langchain_openai import ChatOpenAI, OpenAI

from seltzer.models.errors import UpstreamTruncated
from seltzer.upstream import BROKE_OFF, PartialCall, PartialCalls, are_complete, is_cut_off

_SEALS = ("]", '"]', '\\"]')


class StrictChatOpenAI(ChatOpenAI):
    """ChatOpenAI that raises UpstreamTruncated for an incomplete answer.

    first_chunk_timeout: seconds until the answer has to begin, all of the SDK's retries included; it raises
    TimeoutError. Without an event loop, each try has a timeout of its own alone.
    seals_calls: make incomplete tool calls invalid ones; else a run's listener raises for them.
    """

    first_chunk_timeout: float | None = 60
    seals_calls: bool = True

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        ending = self._ending(kwargs)
        for chunk in super()._stream(*args, **kwargs):
            if ending:
                ending.note(chunk)
            yield chunk
        yield from self._end(ending)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        ending = self._ending(kwargs)
        async with aclosing(super()._astream(*args, **kwargs)) as chunks:  # type: ignore[type-var]
            async with asyncio.timeout(self.first_chunk_timeout):
                chunk = await anext(chunks, None)
            while chunk is not None:
                if ending:
                    ending.note(chunk)
                yield chunk
                chunk = await anext(chunks, None)
        for chunk in self._end(ending):
            yield chunk

    def uses_responses_api(self, options: Mapping[str, Any]) -> bool:
        """Return whether a call with these options goes to the Responses API."""
        decide = getattr(self, "_use_responses_api", None)
        return bool(decide({**options, **self.model_kwargs}) if decide else self.use_responses_api)

    def _ending(self, options: Mapping[str, Any]) -> "_Ending | None":
        return None if self.uses_responses_api(options) else _Ending()

    def _end(self, ending: "_Ending | None") -> Iterator[ChatGenerationChunk]:
        if ending is None:
            return
        ending.check()
        if self.seals_calls:
            yield from ending.seal()

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        converted = super()._convert_chunk_to_generation_chunk(
            chunk, default_chunk_class, base_generation_info
        )
        choices = chunk.get("choices") or (chunk.get("chunk") or {}).get("choices")  # of an event's chunk
        delta = choices[0].get("delta") if choices else None
        if converted and delta and (reasoning := delta.get("reasoning_content") or delta.get("reasoning")):
            converted.message.additional_kwargs["reasoning_content"] = reasoning
        return converted


class StrictOpenAI(OpenAI):
    """OpenAI's completion model that raises UpstreamTruncated for an incomplete answer."""

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[GenerationChunk]:
        ending = _Ending()
        for chunk in super()._stream(*args, **kwargs):
            ending.note(chunk)
            yield chunk
        ending.check()

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[GenerationChunk]:
        ending = _Ending()
        async with aclosing(super()._astream(*args, **kwargs)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                ending.note(chunk)
                yield chunk
        ending.check()


class _Ending:
    """Notes what decides, at a stream's end, whether the answer is complete."""

    def __init__(self) -> None:
        self._finish_reason: str | None = None
        self._calls = PartialCalls()

    def note(self, chunk: GenerationChunk | ChatGenerationChunk) -> None:
        info = chunk.generation_info or {}
        self._finish_reason = info.get("finish_reason") or self._finish_reason
        if isinstance(chunk, ChatGenerationChunk) and isinstance(chunk.message, AIMessageChunk):
            for piece in chunk.message.tool_call_chunks:
                self._calls.add(piece)

    def check(self) -> None:
        if not self._finish_reason:
            raise UpstreamTruncated(BROKE_OFF)

    def seal(self) -> Iterator[ChatGenerationChunk]:
        """Yield a chunk that makes LangChain see incomplete arguments as invalid, if there are any."""
        is_cut = is_cut_off({"finish_reason": self._finish_reason})
        seals = [
            tool_call_chunk(args=_seal(call.arguments), id=call.call_id, index=_index(call))
            for call in self._calls.calls
            if not are_complete(call.arguments, is_cut=is_cut)
        ]
        if seals:
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=seals))


def _index(call: PartialCall) -> int | None:
    return call.index if isinstance(call.index, int) else None


def _seal(arguments: str) -> str:
    """Return what to append so that LangChain's repair fails: a bracket that closes nothing.

    The repair closes open strings and braces by itself, so text alone can't stop it.
    """
    return next((seal for seal in _SEALS if not _is_repaired(arguments + seal)), _SEALS[0])


def _is_repaired(arguments: str) -> bool:
    try:
        return isinstance(parse_partial_json(arguments), dict)
    except (ValueError, RecursionError):
        return False
