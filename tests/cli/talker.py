"""A graph controlled by the question: its model's words are scripted, the rest is LangGraph's own.

"tool" calls a tool, "broken tool" one that fails, "wrong start" adds text first; "fail" breaks off after
two tokens; "forever" never ends, and writes the file $TALKER_LOG when it is stopped; "wait" waits in the
middle for a file $TALKER_GO; "escape" sends a control sequence; "ask" asks back, "ask both" two things;
anything else is repeated and counted.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt


class Talker(BaseChatModel):
    """A scripted chat model; one chunk a word."""

    @property
    def _llm_type(self) -> str:
        return "talker"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        asked = [str(message.content) for message in messages if isinstance(message, HumanMessage)]
        async for chunk in _script(asked[-1], messages[-1], len(asked)):
            yield ChatGenerationChunk(message=chunk)


async def _script(question: str, last: BaseMessage, turn: int) -> AsyncIterator[AIMessageChunk]:
    if isinstance(last, ToolMessage):
        for word in ("It ", "is ", str(last.content)):
            yield AIMessageChunk(content=word)
    elif question in ("tool", "broken tool", "wrong start"):
        if question == "wrong start":
            yield AIMessageChunk(content="Let me see")
        name = "broken" if question == "broken tool" else "double"
        yield AIMessageChunk(
            content="", tool_call_chunks=[tool_call_chunk(name=name, args='{"num', id="c1", index=0)]
        )
        yield AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(args='ber": 21}', index=0)])
    elif question == "wait":
        yield AIMessageChunk(content="Before")
        await asyncio.to_thread(_wait_for_go)
        yield AIMessageChunk(content=" and after.")
    elif question == "escape":
        yield AIMessageChunk(content="\x1b]52;c;x\x07")
    else:
        words = ["working"] if question == "forever" else f"You said {question}, number {turn}.".split(" ")
        for place, word in enumerate(words):
            if question == "fail" and place == 2:
                raise ValueError("as told")
            yield AIMessageChunk(content=word if place == 0 else f" {word}")
        if question == "forever":
            await _forever()


async def _forever() -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        _leave_a_mark()
        raise


def _wait_for_go() -> None:
    subprocess.run(["sh", "-c", 'until [ -e "$TALKER_GO" ]; do sleep 0.05; done'], timeout=120, check=True)


def _leave_a_mark() -> None:
    Path(os.environ["TALKER_LOG"]).touch()


def double(number: int) -> int:
    """Double a number."""
    return number * 2


def broken(number: int) -> int:
    """Fail."""
    raise ValueError("no such luck")


async def talk(state: MessagesState) -> dict[str, Any]:
    """Say what the script has."""
    whole: AIMessageChunk | None = None
    async for chunk in Talker().astream(state["messages"]):
        whole = chunk if whole is None else whole + chunk
    return {"messages": [whole]}


async def ask_really(state: MessagesState) -> dict[str, Any]:
    """Ask back."""
    return {"messages": [AIMessage(f"You said {interrupt({'question': 'Really?', 'of': 'you'})!r}.")]}


async def ask_surely(state: MessagesState) -> dict[str, Any]:
    """Ask something else."""
    return {"messages": [AIMessage(f"And {interrupt('Surely?')!r}.")]}


def route(state: MessagesState) -> list[str]:
    """Choose what is done with a question."""
    asks = {"ask": ["ask_really"], "ask both": ["ask_really", "ask_surely"]}
    return asks.get(str(state["messages"][-1].content), ["talk"])


graph = (
    StateGraph(MessagesState)
    .add_node(ask_really)
    .add_node(ask_surely)
    .add_node("talk", talk)
    .add_node("tools", ToolNode([double, broken], handle_tool_errors=True))
    .add_conditional_edges(START, route)
    .add_conditional_edges("talk", tools_condition)
    .add_edge("tools", "talk")
    .compile()
)
