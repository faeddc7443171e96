"""The graphs whose runs are recorded. Their models' answers don't depend on anything but the conversation."""

from __future__ import annotations

import asyncio
import operator
import os
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.tools import StructuredTool, tool
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

Chunks = Sequence[str | dict[str, Any] | Exception]


class Model(BaseChatModel):
    """Streams the chunks that its script has for the conversation: texts, fields of a chunk, or an error."""

    script: Callable[[Sequence[BaseMessage]], Chunks]

    @property
    def _llm_type(self) -> str:
        return "golden"

    def _get_ls_params(self, stop: list[str] | None = None, **options: Any) -> Any:
        return {"ls_model_name": "golden-1", "ls_model_type": "chat"}

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **options: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for each in self.script(messages):
            if isinstance(each, Exception):
                raise each
            fields = {"content": each} if isinstance(each, str) else {"content": "", **each}
            yield ChatGenerationChunk(message=AIMessageChunk(**fields))

    def _generate(self, *args: Any, **options: Any) -> ChatResult:
        raise NotImplementedError("it is asked by astream")


def counted(input_tokens: int, output_tokens: int) -> dict[str, Any]:
    total = input_tokens + output_tokens
    usage = {"input_tokens": input_tokens, "output_tokens": output_tokens, "total_tokens": total}
    return {"usage_metadata": usage}


def calling(name: str, args: str, call_id: str, index: int = 0) -> list[dict[str, Any]]:
    """Return a tool call in two pieces."""
    head, tail = args[: len(args) // 2], args[len(args) // 2 :]
    first = tool_call_chunk(name=name, args=head, id=call_id, index=index)
    return [
        {"tool_call_chunks": [first]},
        {"tool_call_chunks": [tool_call_chunk(name=None, args=tail, id=None, index=index)]},
    ]


def talking(script: Callable[[Sequence[BaseMessage]], Chunks], name: str = "talk") -> Any:
    """Return a graph of one node, which calls a model."""

    async def talk(state: MessagesState) -> MessagesState:
        return {"messages": [await Model(script=script).ainvoke(state["messages"])]}

    return StateGraph(MessagesState).add_node(name, talk).add_edge(START, name).compile()


def _turn(messages: Sequence[BaseMessage]) -> int:
    return sum(each.type == "human" for each in messages)


plain = talking(lambda messages: ["Answer", f" {_turn(messages)}", ", in", " words.", counted(10, 4)])
reasoning = talking(
    lambda messages: [
        {"additional_kwargs": {"reasoning_content": "Let me"}},
        {"additional_kwargs": {"reasoning_content": " think."}},
        "It is",
        " blue.",
    ]
)
broken = talking(lambda messages: ["It", " is", RuntimeError("the model is gone")])


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def fail(why: str) -> str:
    """Fail."""
    raise ValueError(why)


def _with_tools(messages: Sequence[BaseMessage]) -> Chunks:
    if messages[-1].type == "tool":
        return ["The sum", " is 42.", counted(30, 5)]
    calls = [*calling("add", '{"a": 40, "b": 2}', "call-1"), *calling("fail", '{"why": "no"}', "call-2", 1)]
    return ["Let me", " see.", *calls, counted(20, 9)]


async def _tools_model(state: MessagesState) -> MessagesState:
    return {"messages": [await Model(script=_with_tools).ainvoke(state["messages"])]}


def _next(state: MessagesState) -> str:
    last = state["messages"][-1]
    return "tools" if isinstance(last, AIMessage) and last.tool_calls else END


def _tool_failed(error: Exception) -> str:
    return f"It failed: {error}"


tools = (
    StateGraph(MessagesState)
    .add_node("model", _tools_model)
    .add_node("tools", ToolNode([add, fail], handle_tool_errors=_tool_failed))
    .add_edge(START, "model")
    .add_conditional_edges("model", _next, ["tools", END])
    .add_edge("tools", "model")
    .compile()
)


def _client_side(messages: Sequence[BaseMessage]) -> Chunks:
    if messages[-1].type == "tool":
        return ["You are in ", messages[-1].text, "."]
    return calling("where_am_i", "{}", "call-1")


client_tools = talking(_client_side)


async def _judge(state: MessagesState) -> dict[str, Any]:
    await Model(script=lambda messages: ["fine"]).ainvoke(state["messages"])
    return {}


def _spoken(messages: Sequence[BaseMessage]) -> Chunks:
    return ["I look", " around.", *calling("where_am_i", "{}", "call-1")]


spoken_call = talking(_spoken)


@tool(return_direct=True)
def quote(of: str) -> str:
    """Return a text as it is."""
    return f"“{of}”"


async def _quoting(state: MessagesState) -> MessagesState:
    script = ["Let me quote.", *calling("quote", '{"of": "Ada"}', "call-1")]
    return {"messages": [await Model(script=lambda messages: script).ainvoke(state["messages"])]}


direct = (
    StateGraph(MessagesState)
    .add_node("model", _quoting)
    .add_node("tools", ToolNode([quote]))
    .add_edge(START, "model")
    .add_edge("model", "tools")
    .compile()
)


async def _hang() -> str:
    """Never return."""
    await asyncio.Event().wait()
    return ""


_hanging = StructuredTool.from_function(coroutine=_hang, name="hang", description="Never return.")


async def _hanging_model(state: MessagesState) -> MessagesState:
    script = ["One moment.", *calling("hang", "{}", "call-1")]
    return {"messages": [await Model(script=lambda messages: script).ainvoke(state["messages"])]}


hanging = (
    StateGraph(MessagesState)
    .add_node("model", _hanging_model)
    .add_node("tools", ToolNode([_hanging]))
    .add_edge(START, "model")
    .add_edge("model", "tools")
    .compile()
)


async def _left(state: MessagesState) -> MessagesState:
    return {"messages": [await Model(script=lambda messages: ["From", " the left."]).ainvoke([])]}


async def _right(state: MessagesState) -> MessagesState:
    return {"messages": [await Model(script=lambda messages: ["From", " the right."]).ainvoke([])]}


both_sides = (
    StateGraph(MessagesState)
    .add_node("left", _left)
    .add_node("right", _right)
    .add_edge(START, "left")
    .add_edge(START, "right")
    .compile()
)


async def _renamed(state: MessagesState) -> dict[str, Any]:
    found = await Model(script=lambda messages: ["Here", " it is."]).ainvoke(state["messages"])
    return {"messages": [AIMessage(found.text, id="renamed", name="expert")]}


async def _summary(state: MessagesState) -> dict[str, Any]:
    await Model(script=lambda messages: ["A short", " title"]).ainvoke(state["messages"])
    return {}


renamed = (
    StateGraph(MessagesState)
    .add_node("write", _renamed)
    .add_node("title", _summary)
    .add_edge(START, "write")
    .add_edge("write", "title")
    .compile()
)


def _tagged(messages: Sequence[BaseMessage]) -> Chunks:
    return ["<think>", "Let me see.", "</think>", "It is", " green."]


tagged = talking(_tagged)

_research = talking(lambda messages: ["Found", " it."], "search")
subgraph = (
    StateGraph(MessagesState)
    .add_node("research", _research)
    .add_node("judge", _judge)
    .add_node("write", talking(lambda messages: ["Here", " it is."], "draft"))
    .add_edge(START, "research")
    .add_edge("research", "judge")
    .add_edge("judge", "write")
    .compile()
)


class _Facts(MessagesState):
    facts: Annotated[list[str], operator.add]


def _parallel() -> Any:
    async def left(state: _Facts) -> dict[str, Any]:
        answer = await Model(script=lambda messages: ["Left", " side."]).ainvoke(state["messages"])
        return {"facts": [answer.text]}

    async def right(state: _Facts) -> dict[str, Any]:
        return {"facts": ["right"]}

    async def join(state: _Facts) -> dict[str, Any]:
        said = ", ".join(sorted(state["facts"]))
        return {"messages": [await Model(script=lambda messages: ["Both: ", said]).ainvoke([])]}

    builder = StateGraph(_Facts).add_node("left", left).add_node("right", right).add_node("join", join)
    return (
        builder.add_edge(START, "left").add_edge(START, "right").add_edge(["left", "right"], "join").compile()
    )


parallel = _parallel()


async def _ask_one(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(f"You chose {interrupt({'question': 'Which one?'})}.")]}


one_question = StateGraph(MessagesState).add_node("ask", _ask_one).add_edge(START, "ask").compile()


async def _ask_first(state: _Facts) -> dict[str, Any]:
    return {"facts": [f"first {interrupt('The first?')}"]}


async def _ask_second(state: _Facts) -> dict[str, Any]:
    return {"facts": [f"second {interrupt('The second?')}"]}


async def _told(state: _Facts) -> dict[str, Any]:
    return {"messages": [AIMessage(", ".join(sorted(state["facts"])))]}


two_questions = (
    StateGraph(_Facts)
    .add_node("first", _ask_first)
    .add_node("second", _ask_second)
    .add_node("tell", _told)
    .add_edge(START, "first")
    .add_edge(START, "second")
    .add_edge(["first", "second"], "tell")
    .compile()
)
breakpoint_ = (
    StateGraph(MessagesState)
    .add_node("talk", talking(lambda messages: ["Done."]))
    .add_edge(START, "talk")
    .compile(interrupt_before=["talk"])
)


async def _pause(state: MessagesState) -> dict[str, Any]:
    """Write, and wait without end unless GOLDEN_GATE is open."""
    answer = await Model(script=lambda messages: ["One,", " two."]).ainvoke(state["messages"])
    if os.environ.get("GOLDEN_GATE") != "open":
        await asyncio.Event().wait()
    return {"messages": [answer]}


async def _before(state: MessagesState) -> dict[str, Any]:
    return {"messages": await Model(script=lambda messages: ["First", " a step."]).ainvoke(state["messages"])}


waiting = (
    StateGraph(MessagesState)
    .add_node("before", _before)
    .add_node("pause", _pause)
    .add_edge(START, "before")
    .add_edge("before", "pause")
    .compile()
)


class _Joke(TypedDict, total=False):
    topic: str
    joke: str


async def _write_joke(state: _Joke) -> _Joke:
    joke = await Model(script=lambda messages: ["Why", " did it?"]).ainvoke(state["topic"])
    return {"joke": f"{joke.text} ({state['topic']})"}


no_messages = StateGraph(_Joke).add_node("write", _write_joke).add_edge(START, "write").compile()


async def _custom(state: MessagesState) -> dict[str, Any]:
    writer = get_stream_writer()
    writer({"progress": 0.5})
    writer("half way")
    return {"messages": [AIMessage("Done.")]}


custom = StateGraph(MessagesState).add_node("work", _custom).add_edge(START, "work").compile()


class _Structured(MessagesState):
    structured_response: dict[str, Any]


async def _structure(state: _Structured) -> dict[str, Any]:
    found = await Model(script=lambda messages: ['{"name":', ' "Ada"}']).ainvoke(state["messages"])
    return {"messages": [found], "structured_response": {"name": "Ada"}}


async def _structure_by_call(state: _Structured) -> dict[str, Any]:
    script = calling("Person", '{"name": "Ada"}', "call-1")
    found = await Model(script=lambda messages: script).ainvoke(state["messages"])
    made = ToolMessage("Returning the structured response.", tool_call_id="call-1", name="Person")
    return {"messages": [found, made], "structured_response": {"name": "Ada"}}


structured_call = (
    StateGraph(_Structured).add_node("extract", _structure_by_call).add_edge(START, "extract").compile()
)

structured = StateGraph(_Structured).add_node("extract", _structure).add_edge(START, "extract").compile()


async def _route(state: MessagesState) -> Command[Any]:
    return Command(goto="expert", update={"messages": [AIMessage("Over to the expert.", name="router")]})


handed_over = (
    StateGraph(MessagesState)
    .add_node("route", _route, destinations=("expert",))
    .add_node("expert", talking(lambda messages: ["I", " know."]))
    .add_edge(START, "route")
    .compile()
)
