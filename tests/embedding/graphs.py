"""Graphs as somebody's own app has them: made in Python, no file names them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.config import get_config
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

Builder = StateGraph[Any, Any, Any, Any]


class Gate:
    """Opened by the test, in the loop of the server that waits at it."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        self.is_cancelled = asyncio.Event()


class GatedModel(BaseChatModel):
    """Streams `one`, waits at the gate if it has one, and streams ` two`."""

    gate: Any = None

    @property
    def _llm_type(self) -> str:
        return "gated"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("one two"))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk(content="one"))
        if self.gate is not None:
            try:
                await self.gate.is_open.wait()
            except asyncio.CancelledError:
                self.gate.is_cancelled.set()
                raise
        yield ChatGenerationChunk(message=AIMessageChunk(content=" two"))


def talking(gate: Gate | None = None) -> Builder:
    """Return a graph that streams its answer."""
    model = GatedModel(gate=gate)

    async def talk(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    return _of(talk)


def saying(text: str) -> Builder:
    """Return a graph that always answers with the text."""

    def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(text)]}

    return _of(answer)


def naming_its_user() -> Builder:
    """Return a graph that answers with the `user` it finds in `configurable`."""

    def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"you are {get_config()['configurable'].get('user', 'unknown')}")]}

    return _of(answer)


def asking() -> Builder:
    """Return a graph that asks a question, and answers with its answer."""

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"you chose {interrupt('tea or coffee?')}")]}

    return _of(ask)


def _of(node: Any) -> Builder:
    builder: Builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder
