"""LangChain's OpenAI models for any OpenAI-compatible server, made strict about how a stream ends.

Departs from langchain-openai:
1. A stream that ends without a finish reason raises UpstreamTruncated; there it counts as success.
2. Tool arguments that aren't a complete JSON object become an invalid tool call; there they are repaired
   while streaming, and the half call is run.
3. `reasoning_content`, which many servers send, is kept in additional_kwargs; there it is dropped.
The Responses API has its own way of ending and is left alone.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.globals import get_llm_cache
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult, GenerationChunk
from langchain_core.utils.json import parse_partial_json
from langchain_openai import ChatOpenAI, OpenAI
from openai import AsyncOpenAI, Timeout
from pydantic import PrivateAttr, SecretStr

from seltzer.models.errors import UpstreamTruncated
from seltzer.models.openai.accelerated.callbacks import heard_in_place
from seltzer.models.openai.accelerated.chat_client import ChatClient
from seltzer.models.openai.accelerated.direct_path import Direct
from seltzer.models.openai.accelerated.dispatch import Teller
from seltzer.models.openai.accelerated.frames import TextDelta
from seltzer.models.openai.accelerated.stream import LeanCompletions, text_chunk
from seltzer.models.openai.accelerated.transport import ModelHttpClient

MAX_RETRIES = 2
CONNECT_S = 10
READ_S = 60  # to the first byte, and between chunks
_NO_KEY = SecretStr("not-needed")  # servers without keys ignore it; the client insists on one
_SEALS = ("]", '"]', '\\"]')


class StrictChatOpenAI(ChatOpenAI):
    """ChatOpenAI that tells a finished answer from a broken-off one, by raising UpstreamTruncated."""

    _client: ChatClient | None = PrivateAttr(None)

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        chunks = super()._stream(*args, **kwargs)
        if self._use_responses_api({**kwargs, **self.model_kwargs}):
            yield from chunks
            return
        ending = _Ending()
        for chunk in chunks:
            ending.note(chunk)
            yield chunk
        yield from ending.seal()

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        async with aclosing(self._read(None, *args, **kwargs)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _read(
        self, direct: Direct | None, *args: Any, **kwargs: Any
    ) -> AsyncGenerator[ChatGenerationChunk]:
        """Stream an answer; without those of its texts that go the direct way."""
        options = {**kwargs, **self.model_kwargs}
        ending = None if self._use_responses_api(options) else _Ending()
        reader = self._lean(direct) if ending and self._can_be_lean(options) else self
        async with aclosing(ChatOpenAI._astream(reader, *args, **kwargs)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                if ending:
                    ending.note(chunk)
                yield chunk
        for chunk in ending.seal() if ending else ():
            yield chunk

    async def _agenerate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        heard = run_manager and heard_in_place(run_manager)
        if heard and self._can_be_told(heard, kwargs):
            teller = Teller(heard)
            return await teller.tell(self._read(teller.direct, messages, stop=stop, **kwargs))
        return await super()._agenerate_with_cache(messages, stop=stop, run_manager=heard, **kwargs)

    def _dict_for_compat(self) -> dict[str, Any]:
        return self.asdict()  # twice a call; LangChain's changes the warning filters for it, to ask dict()

    def _can_be_told(self, run: AsyncCallbackManagerForLLMRun, options: dict[str, Any]) -> bool:
        """Say whether the answer is streamed, and nothing else is to be done with it."""
        asked: dict[str, Any] = {"async_api": True, "run_manager": run, **options}
        others = self.cache or get_llm_cache() or self.rate_limiter
        is_streamed = self._should_stream(**asked) and not self._should_use_protocol_streaming(**asked)
        return is_streamed and not others and self._can_be_lean({**options, **self.model_kwargs})

    def _can_be_lean(self, options: dict[str, Any]) -> bool:
        """Say whether nothing is asked for that ChatOpenAI gets by another of the SDK's ways of streaming."""
        others = self.include_response_headers or self._uses_gateway or self.output_version == "v1"
        has_client = self.root_async_client is not None  # else it was given the completions alone
        return has_client and not (others or "response_format" in options)

    def _lean(self, direct: Direct | None) -> Self:
        """Return this model for one stream: reading it from its bytes, the time between chunks kept there."""
        client = self.root_async_client
        if type(client) is AsyncOpenAI:  # others, as Azure's, build their requests in ways of their own
            kept = self._client
            if kept is None or not kept.is_of(client):
                kept = self._client = ChatClient(client)
            client = kept
        completions = LeanCompletions(
            client,
            chunk_timeout_s=self.stream_chunk_timeout,
            model=self.model_name,
            direct=direct,
        )
        return self.model_copy(update={"async_client": completions, "stream_chunk_timeout": None})

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        if type(chunk) is TextDelta and default_chunk_class is AIMessageChunk and not base_generation_info:
            return text_chunk(chunk.text)
        converted = super()._convert_chunk_to_generation_chunk(
            chunk, default_chunk_class, base_generation_info
        )
        choices = chunk.get("choices")
        delta = choices[0].get("delta") if choices else None
        if converted and delta and (reasoning := delta.get("reasoning_content")):
            converted.message.additional_kwargs["reasoning_content"] = reasoning
        return converted


class StrictOpenAI(OpenAI):
    """OpenAI's completion model that raises UpstreamTruncated if its stream breaks off."""

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


def openai_chat(name: str, api_key: str | None, base_url: str | None) -> StrictChatOpenAI:
    """Build a chat model; without a base URL it is OpenAI's own service."""
    return StrictChatOpenAI(
        model=name,
        api_key=SecretStr(api_key) if api_key else _NO_KEY,
        base_url=base_url,
        max_retries=MAX_RETRIES,
        timeout=Timeout(READ_S, connect=CONNECT_S),
        stream_chunk_timeout=READ_S,
        http_async_client=ModelHttpClient(),
        stream_usage=True,
    )


def openai_completion(name: str, api_key: str | None, base_url: str | None) -> StrictOpenAI:
    """Build a completion model; without a base URL it is OpenAI's own service."""
    return StrictOpenAI(
        model=name,
        api_key=SecretStr(api_key) if api_key else _NO_KEY,
        base_url=base_url,
        max_retries=MAX_RETRIES,
        timeout=Timeout(READ_S, connect=CONNECT_S),
    )


class _Ending:
    """Watches a stream go by, for what has to be said of it at its end."""

    def __init__(self) -> None:
        self._finish_reason: str | None = None
        self._arguments: dict[int | str | None, str] = {}

    def note(self, chunk: GenerationChunk | ChatGenerationChunk) -> None:
        info = chunk.generation_info or {}
        self._finish_reason = info.get("finish_reason") or self._finish_reason
        if isinstance(chunk, ChatGenerationChunk) and isinstance(chunk.message, AIMessageChunk):
            for call in chunk.message.tool_call_chunks:
                index = call["index"]
                self._arguments[index] = self._arguments.get(index, "") + (call["args"] or "")

    def check(self) -> None:
        if not self._finish_reason:
            raise UpstreamTruncated("The model's answer broke off: its stream ended without a finish reason.")

    def seal(self) -> Iterator[ChatGenerationChunk]:
        """Yield a chunk that makes LangChain see incomplete arguments as invalid, if there are any."""
        self.check()
        seals = [
            tool_call_chunk(args=_seal(arguments), index=index if isinstance(index, int) else None)
            for index, arguments in self._arguments.items()
            if not self._are_complete(arguments)
        ]
        if seals:
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=seals))

    def _are_complete(self, arguments: str) -> bool:
        if not arguments:
            return self._finish_reason != "length"  # some servers send nothing for "no arguments"
        try:
            return isinstance(json.loads(arguments), dict)
        except ValueError:
            return False


def _seal(arguments: str) -> str:
    """Return what to add so that LangChain's repair gives up: a bracket that closes nothing.

    The repair closes open strings and braces by itself, so text alone can't stop it.
    """
    return next(
        (seal for seal in _SEALS if not isinstance(parse_partial_json(arguments + seal), dict)), _SEALS[0]
    )
