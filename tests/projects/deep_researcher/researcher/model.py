"""A model that needs no key: it follows a script, a step for each of its messages, a word at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

Step = str | Mapping[str, Mapping[str, Any]]  # a text, or tools and their arguments


class ScriptedModel(BaseChatModel):
    steps: Sequence[Step]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> ScriptedModel:
        return self

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        done = sum(isinstance(each, AIMessage) for each in messages)
        step = self.steps[done % len(self.steps)]
        if isinstance(step, str):
            for index, word in enumerate(step.split(" ")):
                yield ChatGenerationChunk(message=AIMessageChunk(f" {word}" if index else word))
        else:
            for index, (name, args) in enumerate(step.items()):
                call = {"name": name, "args": json.dumps(args), "id": f"{name}-{done}", "index": index}
                chunk: Any = {"type": "tool_call_chunk", **call}
                yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=[chunk]))
        reason = "stop" if isinstance(step, str) else "tool_calls"
        yield ChatGenerationChunk(message=AIMessageChunk("", response_metadata={"finish_reason": reason}))

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        first, *rest = self._stream(messages)
        whole: Any = sum((chunk.message for chunk in rest), first.message)
        message = AIMessage(whole.content, tool_calls=whole.tool_calls)
        return ChatResult(generations=[ChatGeneration(message=message)])
