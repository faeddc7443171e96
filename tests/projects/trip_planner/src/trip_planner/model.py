"""A model that needs no key: it looks the weather up, then recommends something, a word at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult


class PlannerModel(BaseChatModel):
    @property
    def _llm_type(self) -> str:
        return "planner"

    def bind_tools(self, tools: Any, **kwargs: Any) -> PlannerModel:
        return self

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            for word in f"It is {last.text} in Lisbon, so take the tram.".split(" "):
                yield ChatGenerationChunk(message=AIMessageChunk(word + ("" if word == "tram." else " ")))
            yield _end("stop")
            return
        call = {"name": "weather", "args": '{"city": "Lisbon"}', "id": "call-1", "index": 0}
        yield ChatGenerationChunk(
            message=AIMessageChunk("", tool_call_chunks=[{"type": "tool_call_chunk", **call}])
        )
        yield _end("tool_calls")

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        first, *rest = self._stream(messages)
        whole = sum((chunk.message for chunk in rest), first.message)
        return ChatResult(
            generations=[ChatGeneration(message=AIMessage(whole.content, tool_calls=whole.tool_calls))]
        )


def _end(reason: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk("", response_metadata={"finish_reason": reason}))
