"""Graphs over a model that a test scripts, for tests of the core."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode
from typing_extensions import TypedDict

from seltzer.runs.graph import AnyPregel, Graph


class Messages(TypedDict):
    messages: Annotated[list[BaseMessage], add_messages]


class ScriptedModel(BaseChatModel):
    """Streams the n-th script at its n-th call; an exception in a script is raised, an Event waited for."""

    scripts: Sequence[Sequence[Any]]
    calls: int = 0
    is_stopped: bool = False

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.calls += 1
        text = "".join(self.scripts[self.calls - 1])
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        self.calls += 1
        try:
            for part in self.scripts[self.calls - 1]:
                if isinstance(part, BaseException):
                    raise part
                if isinstance(part, asyncio.Event):
                    await part.wait()
                else:
                    chunk = AIMessageChunk(content=part) if isinstance(part, str) else part
                    yield ChatGenerationChunk(message=chunk)
            yield ChatGenerationChunk(message=AIMessageChunk(content="", chunk_position="last"))
        except asyncio.CancelledError:
            self.is_stopped = True
            raise


def call(name: str, args: str, call_id: str = "c1") -> AIMessageChunk:
    """Return the chunk of a tool call."""
    part = tool_call_chunk(name=name, args=args, id=call_id, index=0)
    return AIMessageChunk(content="", tool_call_chunks=[part])


@tool
def double(x: int) -> str:
    """Double a number."""
    return str(2 * x)


def agent(
    *scripts: Sequence[Any], model: ScriptedModel | None = None, tools: Sequence[BaseTool] = (double,)
) -> AnyPregel:
    """Return a graph whose model may call `double`, or the given tools."""
    model = model or ScriptedModel(scripts=scripts)

    async def say(state: Messages) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(Messages)
    builder.add_node("model", say)
    builder.add_node("tools", ToolNode(tools))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    builder.add_edge("tools", "model")
    return builder.compile()


def named(pregel: AnyPregel, name: str = "agent") -> dict[str, Graph]:
    """Return the graph as langgraph.json would name it."""
    return {name: Graph(name, pregel, pregel, takes_messages=True, file=Path("agent.py"), line=1)}
