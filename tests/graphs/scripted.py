"""A chat model that gives the answers a test has written, and remembers what it was asked."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, BaseMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import Field


class ScriptedChatModel(BaseChatModel):
    """Gives `answers` in turn; the last one again and again. It can't stream.

    asked has the messages of each call; tools_bound whether tools were bound to it.
    """

    answers: Sequence[AIMessage]
    asked: list[list[BaseMessage]] = Field(default_factory=list)
    tools_bound: list[bool] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self, tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool], **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(tools=list(tools))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        tools: Sequence[BaseTool] = (),
        **kwargs: Any,
    ) -> ChatResult:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(messages)
        self.tools_bound.append(bool(tools))
        return ChatResult(generations=[ChatGeneration(message=answer.model_copy())])


class PiecewiseChatModel(BaseChatModel):
    """Streams the pieces of text it was given, one list of pieces a call, without a finish reason."""

    texts: list[list[str]]
    asked: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "piecewise"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text = "".join(chunk.text for chunk in self._stream(messages))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        pieces = self.texts[len(self.asked)]
        self.asked.append(messages)
        for piece in pieces:
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))


def calling(*expressions: str, call_id: str = "call") -> AIMessage:
    """An answer that calls the calculator, once for each expression."""
    calls = [
        {"name": "calculator", "args": {"expression": expression}, "id": f"{call_id}-{index}"}
        for index, expression in enumerate(expressions)
    ]
    return AIMessage("", tool_calls=calls)


def texts_of(messages: Sequence[BaseMessage | BaseMessageChunk]) -> list[str]:
    return [message.text for message in messages]


def question(*messages: str | BaseMessage) -> Any:
    """What a graph on messages is asked; a text is a human's."""
    return {"messages": [HumanMessage(m) if isinstance(m, str) else m for m in messages]}


async def streamed(graph: Any, asked: Any) -> list[Any]:
    """Every message chunk and message that LangGraph streams."""
    return [message async for message, _ in graph.astream(asked, stream_mode="messages")]
