"""A chat model with tool calling, made of one without."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any
from uuid import uuid4

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import RunnableConfig

from seltzer.models.errors import UpstreamMalformed
from seltzer.models.react.parser import Action, Answer, Part, ReActParser
from seltzer.models.react.prompt import arguments_for, as_react
from seltzer.models.streamed import StreamedToolModel

# The JSON must not show: the inner model has no callbacks, this one emits what the JSON means.
_UNREPORTED = RunnableConfig(callbacks=[])


class ReActJSONChatModel(StreamedToolModel):
    """Has the inner model write {"action", "action_input"} and emits what it means, in standard chunks.

    A final answer's text is content, token by token. A tool call is emitted when its JSON is complete; one
    whose JSON is broken becomes an invalid tool call. A stream that breaks off has finish_reason "length".
    Raises UpstreamMalformed if the model asks for a tool when none is bound.
    """

    inner: BaseChatModel

    @property
    def _llm_type(self) -> str:
        return "react-json"

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        tools: Sequence[dict[str, Any]] = (),
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        reading = _Reading(tools)
        chunks = self.inner.stream(as_react(messages, tools), _UNREPORTED, stop=stop, **kwargs)
        with closing(chunks) as open_chunks:  # type: ignore[type-var]  # it is a generator
            for chunk in open_chunks:
                yield from reading.of(chunk)
                if reading.is_over:
                    break
        yield from reading.rest()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        tools: Sequence[dict[str, Any]] = (),
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        reading = _Reading(tools)
        chunks = self.inner.astream(as_react(messages, tools), _UNREPORTED, stop=stop, **kwargs)
        async with aclosing(chunks) as open_chunks:  # type: ignore[type-var]  # it is a generator
            async for chunk in open_chunks:
                for read in reading.of(chunk):
                    yield read
                if reading.is_over:
                    break
        for read in reading.rest():
            yield read


class _Reading:
    """One answer of the model inside, from its chunks to ours."""

    def __init__(self, tools: Sequence[dict[str, Any]]) -> None:
        self._tools = {tool["function"]["name"]: tool for tool in tools}
        self._parser = ReActParser()
        self._finish_reason = "stop"
        self._upstream_reason: str | None = None
        self._model_name = ""
        self._usage: UsageMetadata | None = None

    @property
    def is_over(self) -> bool:
        return self._parser.is_over

    def of(self, chunk: AIMessageChunk) -> Iterator[ChatGenerationChunk]:
        metadata = chunk.response_metadata
        self._upstream_reason = metadata.get("finish_reason") or self._upstream_reason
        self._model_name = metadata.get("model_name") or self._model_name
        if chunk.usage_metadata:
            self._usage = add_usage(self._usage, chunk.usage_metadata)
        yield from self._chunks(self._parser.feed(chunk.text))

    def rest(self) -> Iterator[ChatGenerationChunk]:
        yield from self._chunks(self._parser.end())
        if self._parser.is_truncated or (self._upstream_reason == "length" and not self._parser.is_done):
            self._finish_reason = "length"
        last = AIMessageChunk(
            content="",
            response_metadata={"finish_reason": self._finish_reason, "model_name": self._model_name},
            usage_metadata=self._usage,
            chunk_position="last",
        )
        yield ChatGenerationChunk(message=last)

    def _chunks(self, parts: Iterable[Part]) -> Iterator[ChatGenerationChunk]:
        for part in parts:
            if isinstance(part, Answer):
                yield ChatGenerationChunk(message=AIMessageChunk(content=part.text))
                continue
            if not self._tools:
                raise UpstreamMalformed(f"The model asked for {part.name!r} where it had to answer.")
            self._finish_reason = "tool_calls"
            if isinstance(part, Action):
                arguments = json.dumps(arguments_for(part.input, self._tools.get(part.name)))
            else:
                arguments = f"not JSON: {part.text}"  # LangChain's repair must not make a call of it
            call = tool_call_chunk(name=part.name, args=arguments, id=f"call_{uuid4().hex[:24]}", index=0)
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[call]))
