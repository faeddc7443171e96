"""A graph whose turns do what their texts say, so that a model can tell what becomes of them.

say       answers
tool      calls a tool, and answers
client    ends on a call that its client is to run
wait      begins an answer, and never ends
stuck     calls a tool that never ends
ask       asks; answers when it is answered
askwait   asks; when it is answered, never ends
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt
from pydantic import ConfigDict

from seltzer.runs.graph import AnyPregel
from tests.runs.scripted import Messages

KINDS: Final = ("say", "tool", "client", "wait", "stuck", "ask", "askwait")
BLOCKING: Final = ("wait", "stuck")
ASKING: Final = ("ask", "askwait")


class World:
    """One process's graph. reached: by text, whether its turn has come to where it never ends."""

    def __init__(self) -> None:
        self.reached: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def block(self, text: str) -> None:
        self.reached[text].set()
        await asyncio.Event().wait()

    def graph(self) -> AnyPregel:
        model = Model(world=self)

        @tool
        async def work(text: str) -> str:
            """Do what the text says."""
            if text.startswith("stuck"):
                await self.block(text)
            return f"did {text}"

        async def say(state: Messages) -> Any:
            text = last_human(state["messages"])
            if text.startswith(ASKING):
                answer = interrupt(text)
                if text.startswith("askwait"):
                    await self.block(text)
                return {"messages": [AIMessage(f"{answer} to {text}")]}
            return {"messages": [await model.ainvoke(state["messages"])]}

        def where_next(state: Messages) -> str:
            last = state["messages"][-1]
            calls = isinstance(last, AIMessage) and last.tool_calls
            return "tools" if calls and not last_human(state["messages"]).startswith("client") else END

        builder = StateGraph(Messages).add_node("model", say).add_node("tools", ToolNode([work]))
        builder.add_edge(START, "model").add_edge("tools", "model")
        return builder.add_conditional_edges("model", where_next, ["tools", END]).compile()


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
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        assert is_accepted(shown(messages)), messages
        text = last_human(messages)
        if text.startswith("wait"):
            yield _chunk(content=f"half {text}")
            await self.world.block(text)
        elif messages[-1].type == "human" and text.startswith(("tool", "stuck", "client")):
            args_ = f'{{"text": "{text}"}}'
            yield _chunk(
                content="", tool_call_chunks=[tool_call_chunk(name="work", args=args_, id=text, index=0)]
            )
        else:
            yield _chunk(content=f"said {text}")
        yield _chunk(content="", chunk_position="last")


def _chunk(**options: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(**options))


def last_human(messages: Sequence[BaseMessage]) -> str:
    return next(message.text for message in reversed(messages) if isinstance(message, HumanMessage))


class Shown(NamedTuple):
    """A message as the model has it. call: the id of the call that it makes or answers."""

    kind: str
    text: str
    call: str = ""


def shown(messages: Sequence[BaseMessage]) -> tuple[Shown, ...]:
    found = []
    for message in messages:
        call = ""
        if isinstance(message, ToolMessage):
            call = message.tool_call_id
        elif isinstance(message, AIMessage) and message.tool_calls:
            call = str(message.tool_calls[0]["id"])
        found.append(Shown(message.type, message.text, call))
    return tuple(found)


def is_accepted(messages: Sequence[Shown]) -> bool:
    """Return whether a provider accepts it: each call has its result right after it."""
    due = ""
    for each in messages:
        if (each.kind == "tool") != bool(due) or (due and each.call != due):
            return False
        due = each.call if each.kind == "ai" else ""
    return not due
