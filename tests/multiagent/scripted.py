"""A chat model whose answer is a function of the conversation, streamed a word a chunk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

Calls: TypeAlias = Mapping[str, Mapping[str, Any]]  # tools and their arguments


class ScriptedModel(BaseChatModel):
    """Answers by a text, or by calls of tools."""

    answer: Callable[[Sequence[BaseMessage]], str | Calls]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, *args: Any, **options: Any) -> Any:
        return self

    def _stream(
        self, messages: list[BaseMessage], *args: Any, **options: Any
    ) -> Iterator[ChatGenerationChunk]:
        answer = self.answer(messages)
        if isinstance(answer, str):
            for index, word in enumerate(answer.split(" ")):
                yield ChatGenerationChunk(message=AIMessageChunk(content=f" {word}" if index else word))
        else:
            number = len(messages)
            for index, (name, args_) in enumerate(answer.items()):
                call = tool_call_chunk(name=name, args=json.dumps(args_), id=f"{name}-{number}", index=index)
                yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[call]))
        reason = "stop" if isinstance(answer, str) else "tool_calls"
        yield ChatGenerationChunk(
            message=AIMessageChunk(content="", response_metadata={"finish_reason": reason})
        )

    def _generate(self, messages: list[BaseMessage], *args: Any, **options: Any) -> ChatResult:
        whole: Any = AIMessageChunk(content="")
        for chunk in self._stream(messages):
            whole += chunk.message
        message = AIMessage(whole.content, tool_calls=whole.tool_calls)
        return ChatResult(generations=[ChatGeneration(message=message)])
