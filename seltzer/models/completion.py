"""A completion model as a chat model: LangGraph streams the tokens of chat models only."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    BaseCallbackHandler,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseLLM
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, LLMResult
from langchain_core.runnables import RunnableConfig

from seltzer.models.streamed import StreamedChatModel
from seltzer.models.transcript import STOP, as_prompt


class _Ending(BaseCallbackHandler):
    """Records why the inner model stopped. It is its only callback: tokens are published once, as ours."""

    run_inline = True

    def __init__(self) -> None:
        self.finish_reason = "stop"

    @property
    def config(self) -> RunnableConfig:
        return RunnableConfig(callbacks=[self])

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        info = response.generations[0][0].generation_info or {}
        self.finish_reason = info.get("finish_reason") or self.finish_reason


class CompletionChatModel(StreamedChatModel):
    """Chats by having a completion model continue the transcript. It can't call tools.

    Each token of the model inside is a chunk. One that can't stream returns its answer in one chunk.
    """

    completion: BaseLLM

    @property
    def _llm_type(self) -> str:
        return "completion-chat"

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        prompt, ending = as_prompt(messages), _Ending()
        for token in self.completion.stream(prompt, ending.config, stop=[STOP, *(stop or [])], **kwargs):
            if token:
                yield ChatGenerationChunk(message=AIMessageChunk(content=token))
        yield self._last(ending.finish_reason)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        prompt, ending = as_prompt(messages), _Ending()
        tokens = self.completion.astream(prompt, ending.config, stop=[STOP, *(stop or [])], **kwargs)
        async with aclosing(tokens) as open_tokens:  # type: ignore[type-var]  # it is a generator
            async for token in open_tokens:
                if token:
                    yield ChatGenerationChunk(message=AIMessageChunk(content=token))
        yield self._last(ending.finish_reason)

    def _last(self, finish_reason: str) -> ChatGenerationChunk:
        name = getattr(self.completion, "model_name", self.completion.get_name())
        metadata = {"finish_reason": finish_reason, "model_name": name}
        return ChatGenerationChunk(
            message=AIMessageChunk(content="", response_metadata=metadata, chunk_position="last")
        )
