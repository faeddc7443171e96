"""Graphs whose turns do what their texts say, so that a model can tell what becomes of them.

say       answers
tool      calls a tool, and answers
client    ends on a call that its client is to run
clients   ends on two of them
wait      begins an answer, and never ends
stuck     calls a tool that never ends
ask       asks; answers when it is answered
askwait   asks; when it is answered, never ends
asktool   calls a tool that asks; answers when it is answered
fail      raises an error instead of an answer

What a run writes has its id in it, so that each branch's messages are its own.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt
from pydantic import ConfigDict

from tests.runs.histories.messages import is_accepted, last_human, shown

KINDS: Final = ("say", "tool", "client", "clients", "wait", "stuck", "ask", "askwait", "asktool", "fail")
BLOCKING: Final = frozenset({"wait", "stuck"})
ASKING: Final = frozenset({"ask", "askwait", "asktool"})
CLIENTS: Final = frozenset({"client", "clients"})
CALLING: Final = frozenset({"tool", "stuck", "asktool"}) | CLIENTS


def kind_of(text: str) -> str:
    return text.partition(" ")[0]


class World:
    """One process. reached: by run, whether it has come to where it never ends."""

    def __init__(self) -> None:
        self.reached: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._model = Model(world=self)

    async def block(self, run_id: str) -> None:
        self.reached[run_id].set()
        await asyncio.Event().wait()

    async def answer(self, messages: Sequence[BaseMessage], config: RunnableConfig) -> BaseMessage:
        """Return the next message of a turn."""
        text, run_id = last_human(messages), run_of(config)
        kind = kind_of(text)
        if kind in ("ask", "askwait"):
            answer = interrupt(text)
            if kind == "askwait":
                await self.block(run_id)
            return AIMessage(f"{answer} to {text} by {run_id}")
        return await self._model.ainvoke(list(messages), by=run_id)

    async def work(self, text: str, config: RunnableConfig) -> str:
        """Return the result of a call."""
        if kind_of(text) == "stuck":
            await self.block(run_of(config))
        return f"{interrupt(text)} to {text}" if kind_of(text) == "asktool" else f"did {text}"

    def tools(self) -> ToolNode:
        @tool
        async def work(text: str, config: RunnableConfig) -> str:
            """Do what the text says."""
            return await self.work(text, config)

        return ToolNode([work])


def run_of(config: RunnableConfig) -> str:
    return str(config["metadata"]["run_id"])


def has_work(messages: Sequence[BaseMessage]) -> bool:
    """Return whether the last message makes calls that the graph itself runs."""
    last = messages[-1] if messages else None
    is_own = kind_of(last_human(messages)) not in CLIENTS
    return isinstance(last, AIMessage) and bool(last.tool_calls) and is_own


class Model(BaseChatModel):
    """Refuses a conversation that no provider accepts."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    world: World

    @property
    def _llm_type(self) -> str:
        return "playing"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, by: str = "", **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        assert is_accepted(shown(messages)), messages
        text = last_human(messages)
        kind = kind_of(text)
        if kind == "fail":
            raise ValueError(text)
        if kind == "wait":
            yield _chunk(content=f"half {text} by {by}")
            await self.world.block(by)
        elif messages[-1].type == "human" and kind in CALLING:
            yield _chunk(content="", tool_call_chunks=_calls(text, by))
        else:
            yield _chunk(content=f"said {text} by {by}")
        yield _chunk(content="", chunk_position="last")


def call_ids(text: str, by: str) -> tuple[str, ...]:
    """Return the ids of the calls that a turn makes."""
    count = 2 if kind_of(text) == "clients" else 1
    return tuple(f"{text} by {by}, {number}" for number in range(count))


def _calls(text: str, by: str) -> list[Any]:
    args = f'{{"text": "{text}"}}'
    return [
        tool_call_chunk(name="work", args=args, id=call_id, index=index)
        for index, call_id in enumerate(call_ids(text, by))
    ]


def _chunk(**options: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(**options))
