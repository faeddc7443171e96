"""What a graph says in place is what LangGraph's own stream says, part for part."""

import asyncio
import re
from collections.abc import Callable
from operator import add
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt
from typing_extensions import TypedDict

from seltzer.runs.execution.graph_driver import MODES, Part, drive
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import RunSpec
from tests.runs.conftest import Engines
from tests.runs.scripted import Messages, ScriptedModel, agent, call, named

pytestmark = pytest.mark.anyio

ASKED = {"messages": [HumanMessage("hi", id="h")]}


FAILED: Part = ((), "failed", None)


class Failed(Exception):
    pass


class Notes(TypedDict):
    notes: Annotated[list[str], add]


def node_of(*nodes: Any, state: Any = Messages) -> AnyPregel:
    """Return a graph of these nodes, one after the other."""
    builder = StateGraph(state).add_sequence([(f"n{at}", node) for at, node in enumerate(nodes)])
    return builder.add_edge(START, "n0").add_edge(f"n{len(nodes) - 1}", END).compile(InMemorySaver())


def an_agent() -> AnyPregel:
    return agent(["Let me", " see.", call("double", '{"x": 4}')], ["It", " is", " 8."])


async def writes_and_says(state: Messages) -> Any:
    get_stream_writer()("before")
    said = await ScriptedModel(scripts=[["one ", "two"]]).ainvoke(state["messages"])
    get_stream_writer()("after")
    return {"messages": [said]}


def says_in_a_thread(state: Messages) -> Any:
    get_stream_writer()("before")
    said = list(FakeListChatModel(responses=["abc"]).stream(state["messages"]))
    get_stream_writer()("after")
    return {"messages": [AIMessage("".join(str(each.content) for each in said))]}


def runs_a_graph_in_a_thread(state: Messages) -> Any:
    return {
        "messages": node_of(says_in_a_thread).invoke(state, {"configurable": {"thread_id": "inner"}})[
            "messages"
        ]
    }


def asks(state: Messages) -> Any:
    return {"messages": [AIMessage(f"you said {interrupt('sure?')}")]}


def fails(state: Messages) -> Any:
    raise Failed


def kept(graph: AnyPregel) -> AnyPregel:
    return graph.copy({"checkpointer": InMemorySaver()})


def in_parallel() -> AnyPregel:
    async def note(state: Notes) -> Any:
        get_stream_writer()(state["notes"])
        return {"notes": [f"{state['notes'][0]}!"]}

    builder = StateGraph(Notes)
    builder.add_node("note", note)
    builder.add_conditional_edges(START, lambda _: [Send("note", {"notes": [each]}) for each in "abc"])
    return builder.compile(InMemorySaver())


def functional() -> AnyPregel:
    @task
    async def shout(text: str) -> str:
        get_stream_writer()(text)
        return text.upper()

    @entrypoint(InMemorySaver())
    async def flow(state: Any) -> str:
        return await shout("a") + await shout("b")

    return flow


SHAPES: dict[str, Callable[[], AnyPregel]] = {
    "a model": lambda: node_of(writes_and_says),
    "an agent": lambda: kept(an_agent()),
    "a subgraph": lambda: node_of(an_agent(), writes_and_says),
    "a subgraph's subgraph": lambda: node_of(node_of(an_agent())),
    "a thread": lambda: node_of(says_in_a_thread, writes_and_says),
    "a graph in a thread": lambda: node_of(runs_a_graph_in_a_thread),
    "functions": functional,
    "an interrupt": lambda: node_of(writes_and_says, asks),
    "an interrupt in a subgraph": lambda: node_of(node_of(asks)),
    "a failure": lambda: node_of(writes_and_says, fails),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_parts_are_those_of_langgraphs_own_stream_in_the_same_order(shape: str) -> None:
    in_place = await taken(SHAPES[shape](), ASKED)

    assert in_place == await streamed(SHAPES[shape](), ASKED)
    assert in_place


async def test_nodes_side_by_side_say_the_same_parts_mode_by_mode() -> None:
    in_place, queued = await taken(in_parallel(), {"notes": []}), await streamed(in_parallel(), {"notes": []})

    for mode in MODES:
        assert sorted(of(mode, in_place)) == sorted(of(mode, queued)) != []


async def test_an_answer_to_an_interrupt_says_the_same_parts() -> None:
    one, other = SHAPES["an interrupt"](), SHAPES["an interrupt"]()
    await taken(one, ASKED)
    await streamed(other, ASKED)

    assert await taken(one, Command(resume="yes")) == await streamed(other, Command(resume="yes"))


async def test_a_token_is_there_while_its_model_is_still_in_the_call_that_made_it() -> None:
    has_come = asyncio.Event()

    def take(part: Part) -> None:
        if part[1] == "messages":
            has_come.set()

    async with asyncio.timeout(5):
        await collect(kept(agent(["one", has_come, "two"])), ASKED, take)


async def test_it_can_be_held_up_between_the_steps() -> None:
    begun: list[str] = []

    def node(name: str) -> Callable[[Messages], Any]:
        async def run(state: Messages) -> Any:
            begun.append(name)
            return {"messages": [AIMessage(name)]}

        return run

    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    before = [
        list(begun) async for _ in drive(node_of(node("a"), node("b")), ASKED, config, lambda part: None)
    ]

    assert [] in before
    assert ["a"] in before


async def test_a_part_that_cant_be_read_fails_the_run(engine_of: Engines, tmp_path: Path) -> None:
    odd = AIMessageChunk(content=[{"type": ["unhashable"], "text": "x"}])
    engine = await engine_of(named(agent(["one", odd, "two"])))

    await engine.start(RunSpec("agent", ASKED, thread_id="t", run_id="r"))
    async with asyncio.timeout(10):
        *_, last = [event async for event in engine.follow("r")]

    assert (last.kind, last.data["code"]) == ("failed", "graph_error")


async def test_what_a_part_said_before_it_could_not_be_read_is_said(engine_of: Engines) -> None:
    odd = AIMessageChunk(content="three", id="b")
    odd.tool_call_chunks.append({"index": 0})  # type: ignore[typeddict-item]  # odd
    engine = await engine_of(named(agent(["one", odd])))

    await engine.start(RunSpec("agent", ASKED, thread_id="t", run_id="r"))
    async with asyncio.timeout(10):
        events = [event async for event in engine.follow("r")]

    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.kind for event in events][-2:] == ["message", "failed"]
    assert events[-2].data["message_id"] == "b"


async def taken(graph: AnyPregel, input: Any) -> list[Any]:
    """Run the graph in place; return what it says, in a form that can be compared."""
    parts: list[Part] = []
    await collect(graph, input, parts.append)
    return [plain(part) for part in parts]


async def streamed(graph: AnyPregel, input: Any) -> list[Any]:
    """Run the graph by LangGraph's own stream."""
    parts: list[Any] = []
    config: Any = {"configurable": {"thread_id": "t"}}
    try:
        async for part in graph.astream(input, config, stream_mode=[*MODES, "messages"], subgraphs=True):
            parts.append(part)
    except Failed:
        parts.append(FAILED)
    return [plain(part) for part in parts]


async def collect(graph: AnyPregel, input: Any, take: Callable[[Part], None]) -> None:
    try:
        async for _ in drive(graph, input, {"configurable": {"thread_id": "t"}}, take):
            pass
    except Failed:
        take(FAILED)


def of(mode: str, parts: list[Any]) -> list[str]:
    return [repr(part) for part in parts if part[1] == mode]


def plain(part: Part) -> Any:
    """Return the part without ids, which are new each time."""
    namespace, mode, value = part
    if mode == "messages":
        message, metadata = value
        value = _text(message), {key: metadata.get(key) for key in ("langgraph_node", "langgraph_step")}
    return [_text(each) for each in namespace], mode, _text(value)


def _text(value: Any) -> Any:
    if isinstance(value, BaseMessage):
        calls = getattr(value, "tool_call_chunks", None) or getattr(value, "tool_calls", None)
        return type(value).__name__, value.content, repr(calls)
    if isinstance(value, dict):
        return {key: _text(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_text(each) for each in value]
    return re.sub("[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}", "ID", repr(value))
