"""The demo model as a LangChain chat model: the script, in chunks, at a pace."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from seltzer.models.demo.pace import Pace
from seltzer.models.demo.script import Call, Fail, Part, Text, Thought, plan
from seltzer.models.demo.words import chunks
from seltzer.models.errors import DemoFailure
from seltzer.models.streamed import StreamedToolModel


class DemoChatModel(StreamedToolModel):
    """A scripted chat model that calls tools, streams, counts its tokens and declares that it is scripted.

    Of the tools bound to it, it calls calculator and send_email.
    Raises DemoFailure in mid-stream when a message asks for it. Stop sequences are ignored.
    """

    model_name: str = "demo"
    pace: Pace = Pace()

    @property
    def _llm_type(self) -> str:
        return "demo-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return LangSmithParams(ls_provider="demo", ls_model_name=self.model_name, ls_model_type="chat")

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        tools: Sequence[dict[str, Any]] = (),
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        started_s = time.monotonic()
        for index, chunk in enumerate(self._chunks(messages, tools)):
            self.pace.wait(index, started_s)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        tools: Sequence[dict[str, Any]] = (),
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        started_s = time.monotonic()
        for index, chunk in enumerate(self._chunks(messages, tools)):
            await self.pace.await_turn(index, started_s)
            yield chunk

    def _chunks(
        self, messages: list[BaseMessage], tools: Sequence[dict[str, Any]]
    ) -> Iterator[ChatGenerationChunk]:
        names = {tool["function"]["name"] for tool in tools}
        parts = plan(messages, names)
        for part in parts:
            if isinstance(part, Fail):
                raise DemoFailure("The demo model failed in the middle of its answer, as it was asked to.")
            yield ChatGenerationChunk(message=_message_of(part))
        yield ChatGenerationChunk(message=self._last(messages, parts))

    def _last(self, messages: list[BaseMessage], parts: tuple[Part, ...]) -> AIMessageChunk:
        is_call = any(isinstance(part, Call) for part in parts)
        prompt_tokens = sum(len(chunks(message.text)) for message in messages)
        return AIMessageChunk(
            content="",
            response_metadata={
                "finish_reason": "tool_calls" if is_call else "stop",
                "model_name": self.model_name,
                "model_provider": "demo",
            },
            usage_metadata=UsageMetadata(
                input_tokens=prompt_tokens,
                output_tokens=len(parts),
                total_tokens=prompt_tokens + len(parts),
            ),
            chunk_position="last",
        )


def _message_of(part: Text | Thought | Call) -> AIMessageChunk:
    if isinstance(part, Text):
        return AIMessageChunk(content=part.text)
    if isinstance(part, Thought):
        return AIMessageChunk(content="", additional_kwargs={"reasoning_content": part.text})
    call = tool_call_chunk(name=part.name, args=part.args, id=part.call_id, index=part.index)
    return AIMessageChunk(content="", tool_call_chunks=[call])
