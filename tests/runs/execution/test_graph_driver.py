"""In place and by LangGraph's own stream, a graph has the same parts."""

import asyncio
import logging
import re
import sys
from collections.abc import Callable
from operator import add
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.pregel._messages import StreamMessagesHandler
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, Send, interrupt
from typing_extensions import TypedDict

from seltzer.runs.execution.driver.driver_choice import choose_driver
from seltzer.runs.execution.driver.graph_driver import PRIVATE_NAMES, in_place_driver
from seltzer.runs.execution.driver.graph_stream import MODES, Drive, Part, drive_stream
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


async def writes_and_answers(state: Messages) -> Any:
    get_stream_writer()("before")
    reply = await ScriptedModel(scripts=[["one ", "two"]]).ainvoke(state["messages"])
    get_stream_writer()("after")
    return {"messages": [reply]}


def answers_in_a_thread(state: Messages) -> Any:
    get_stream_writer()("before")
    reply = list(FakeListChatModel(responses=["abc"]).stream(state["messages"]))
    get_stream_writer()("after")
    return {"messages": [AIMessage("".join(str(each.content) for each in reply))]}


def runs_a_graph_in_a_thread(state: Messages) -> Any:
    return {
        "messages": node_of(answers_in_a_thread).invoke(state, {"configurable": {"thread_id": "inner"}})[
            "messages"
        ]
    }


def asks(state: Messages) -> Any:
    return {"messages": [AIMessage(f"you said {interrupt('sure?')}")]}


def fails(state: Messages) -> Any:
    raise Failed


def kept(graph: AnyPregel) -> AnyPregel:
    return graph.copy({"checkpointer": InMemorySaver()})


@tool
def slow_double(x: int) -> str:
    """Double a number, in a thread."""
    get_stream_writer()(x)
    return str(2 * x)


def a_sync_tool() -> AnyPregel:
    model = ScriptedModel(scripts=[[call("slow_double", '{"x": 4}')], ["It", " is", " 8."]])

    def think(state: Messages) -> Any:
        return {
            "messages": [AIMessage("", tool_calls=[{"name": "slow_double", "args": {"x": 4}, "id": "c"}])]
        }

    async def answer(state: Messages) -> Any:
        await model.ainvoke("?")
        return {"messages": [await model.ainvoke("?")]}

    return node_of(think, ToolNode([slow_double]), answer)


def commands() -> AnyPregel:
    async def route(state: Messages) -> Command[str]:
        return Command(goto="end", update={"messages": [AIMessage("routing", id="r")]})

    builder = StateGraph(Messages).add_node("route", route, destinations=("end",)).add_edge(START, "route")
    return builder.add_node("end", writes_and_answers).compile(InMemorySaver())


async def is_quiet(state: Messages) -> Any:
    model = ScriptedModel(scripts=[["one"], ["two"]])
    await model.ainvoke("?", {"tags": ["nostream"]})
    return {"messages": [await model.ainvoke("?")]}


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
    "a model": lambda: node_of(writes_and_answers),
    "an agent": lambda: kept(an_agent()),
    "a subgraph": lambda: node_of(an_agent(), writes_and_answers),
    "a subgraph's subgraph": lambda: node_of(node_of(an_agent())),
    "a thread": lambda: node_of(answers_in_a_thread, writes_and_answers),
    "a graph in a thread": lambda: node_of(runs_a_graph_in_a_thread),
    "functions": functional,
    "an interrupt": lambda: node_of(writes_and_answers, asks),
    "an interrupt in a subgraph": lambda: node_of(node_of(asks)),
    "a failure": lambda: node_of(writes_and_answers, fails),
    "a tool in a thread": a_sync_tool,
    "a command": commands,
    "a model without a stream": lambda: node_of(is_quiet),
}
DRIVERS = {"in place": in_place_driver(), "plain": drive_stream}


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_parts_are_those_of_langgraphs_own_stream_in_the_same_order(shape: str) -> None:
    in_place = await taken(SHAPES[shape](), ASKED)

    assert in_place == await streamed(SHAPES[shape](), ASKED)
    assert in_place


async def test_parallel_nodes_yield_the_same_parts_mode_by_mode() -> None:
    in_place, queued = await taken(in_parallel(), {"notes": []}), await streamed(in_parallel(), {"notes": []})

    for mode in MODES:
        assert sorted(of(mode, in_place)) == sorted(of(mode, queued)) != []


async def test_an_answer_to_an_interrupt_yields_the_same_parts() -> None:
    one, other = SHAPES["an interrupt"](), SHAPES["an interrupt"]()
    await taken(one, ASKED)
    await streamed(other, ASKED)

    assert await taken(one, Command(resume="yes")) == await streamed(other, Command(resume="yes"))


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_token_is_there_while_its_model_is_still_in_the_call_that_made_it(driver: str) -> None:
    arrived = asyncio.Event()

    def take(part: Part) -> None:
        if part[1] == "messages":
            arrived.set()

    async with asyncio.timeout(5):
        await collect(kept(agent(["one", arrived, "two"])), ASKED, take, DRIVERS[driver])


@pytest.mark.parametrize("driver", DRIVERS)
async def test_the_caller_can_pause_the_graph_between_its_steps(driver: str) -> None:
    begun: list[str] = []

    def node(name: str) -> Callable[[Messages], Any]:
        async def run(state: Messages) -> Any:
            begun.append(name)
            return {"messages": [AIMessage(name)]}

        return run

    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    drive = DRIVERS[driver]
    graph = node_of(node("a"), node("b"))

    before = [list(begun) async for _ in drive(graph, ASKED, config, lambda part: None)]

    assert [] in before
    assert ["a"] in before


async def test_a_part_that_cant_be_read_fails_the_run(engine_of: Engines, tmp_path: Path) -> None:
    odd = AIMessageChunk(content="x")
    odd.tool_call_chunks.append({"index": 0})  # type: ignore[typeddict-item]  # odd
    engine = await engine_of(named(agent(["one", odd, "two"])))

    await engine.start(RunSpec("agent", ASKED, thread_id="t", run_id="r"))
    async with asyncio.timeout(10):
        *_, last = [event async for event in engine.follow("r")]

    assert (last.kind, last.data["code"]) == ("failed", "graph_error")


async def test_what_was_read_of_a_part_before_it_failed_is_yielded(engine_of: Engines) -> None:
    odd = AIMessageChunk(content="three", id="b")
    odd.tool_call_chunks.append({"index": 0})  # type: ignore[typeddict-item]  # odd
    engine = await engine_of(named(agent([odd])))

    await engine.start(RunSpec("agent", ASKED, thread_id="t", run_id="r"))
    async with asyncio.timeout(10):
        events = [event async for event in engine.follow("r")]

    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.kind for event in events][-2:] == ["message", "failed"]
    assert events[-2].data["message_id"] == "b"


class Ctx(TypedDict):
    user: str


def asking_its_runtime(store: BaseStore | None) -> AnyPregel:
    """Return a graph, within a graph, that writes what its runtime has."""

    async def read(state: Messages, runtime: Runtime[Ctx]) -> Any:
        found = await runtime.store.aget(("of",), "x") if runtime.store else None
        runtime.stream_writer([runtime.context, found.value if found else None])

    inner = StateGraph(Messages, context_schema=Ctx).add_node("read", read).add_edge(START, "read").compile()
    outer = StateGraph(Messages, context_schema=Ctx).add_node("inner", inner).add_edge(START, "inner")
    return outer.compile(InMemorySaver(), store=store)


async def a_store(text: str) -> BaseStore:
    store = InMemoryStore()
    await store.aput(("of",), "x", {"text": text})
    return store


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    ("own", "given", "found"),
    [("graph", None, "graph"), (None, "server", "server"), ("graph", "server", "graph"), (None, None, None)],
)
async def test_a_graph_has_its_context_and_its_own_store_or_else_the_servers(
    driver: str, own: str | None, given: str | None, found: str | None
) -> None:
    graph = asking_its_runtime(await a_store(own) if own else None)
    store = await a_store(given) if given else None
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    parts: list[Part] = []

    drive = DRIVERS[driver]
    async for _ in drive(graph, ASKED, config, parts.append, context={"user": "Ada"}, store=store):
        pass

    written = [value for _, mode, value in parts if mode == "custom"]
    assert written == [[{"user": "Ada"}, {"text": found} if found else None]]


@pytest.mark.parametrize("accelerate", [True, False])
async def test_what_one_run_stores_another_finds_in_the_servers_store(
    engine_of: Engines, accelerate: bool
) -> None:
    async def remember(state: Messages, runtime: Runtime[None]) -> Any:
        assert runtime.store is not None
        found = await runtime.store.aget(("of",), "x")
        await runtime.store.aput(("of",), "x", {"text": "kept"})
        return {"messages": [AIMessage(found.value["text"] if found else "nothing")]}

    engine = await engine_of(named(node_of(remember)), accelerate=accelerate)

    outputs = []
    for name in ("one", "two"):
        await engine.start(RunSpec("agent", ASKED, thread_id=name, run_id=name))
        async with asyncio.timeout(10):
            [*_] = [event async for event in engine.follow(name)]
        outputs.append((await engine.get_run(name)).output)
    assert outputs == ["nothing", "kept"]


async def test_it_is_in_place_if_nothing_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    assert await choose_driver(accelerate=True) is not drive_stream
    assert await choose_driver(accelerate=False) is drive_stream
    assert not caplog.records


async def assert_a_turn_streams(engine_of: Engines, **options: Any) -> None:
    """Run a turn with a tool call; its last token must arrive while its model is still answering."""
    arrived = asyncio.Event()
    engine = await engine_of(
        named(agent([call("double", '{"x": 4}')], ["It", " is", arrived, " 8."])), **options
    )

    await engine.start(RunSpec("agent", ASKED, thread_id="t", run_id="r"))
    kinds, text = [], ""
    async with asyncio.timeout(10):
        async for event in engine.follow("r"):
            kinds.append(event.kind)
            if event.kind == "token":
                text += event.data["text"]
                arrived.set()

    assert (text, kinds[-1]) == ("It is 8.", "finished")
    assert {"tool_call", "tool_result"} <= set(kinds)


async def test_a_turn_streams_without_acceleration(engine_of: Engines) -> None:
    await assert_a_turn_streams(engine_of, accelerate=False)


@pytest.mark.parametrize("name", PRIVATE_NAMES, ids=lambda name: name[1])
async def test_a_missing_name_is_named_in_one_warning_and_a_turn_streams(
    name: tuple[str, str],
    engine_of: Engines,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delattr(".".join(name))

    await assert_a_turn_streams(engine_of, accelerate=True)

    [warning] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert ".".join(name) in warning.getMessage()


async def test_a_missing_module_is_named_too(
    engine_of: Engines, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "langgraph.pregel._messages", None)

    await assert_a_turn_streams(engine_of, accelerate=True)

    [warning] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "langgraph.pregel._messages" in warning.getMessage()


class WithoutChunks(StreamMessagesHandler):
    def on_llm_new_token(self, *args: Any, **options: Any) -> None:
        pass


def refuse(*args: Any, **options: Any) -> Any:
    raise TypeError("takes other arguments now")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("langgraph._internal._constants.CONFIG_KEY_STREAM", "__renamed"),
        ("langgraph._internal._constants.CONFIG_KEY_RUNTIME", "__renamed"),
        ("langgraph._internal._constants.NS_SEP", "/"),
        ("langgraph.pregel.protocol.StreamProtocol", refuse),
        ("langgraph.pregel._messages.StreamMessagesHandler", WithoutChunks),
    ],
)
async def test_a_name_that_means_something_else_is_noticed_and_a_turn_streams(
    name: str,
    other: Any,
    engine_of: Engines,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(name, other)

    await assert_a_turn_streams(engine_of, accelerate=True)

    assert len([each for each in caplog.records if each.levelno >= logging.WARNING]) == 1


async def taken(graph: AnyPregel, input: Any) -> list[Any]:
    """Run the graph in place; return its parts, in a form that can be compared."""
    parts: list[Part] = []
    await collect(graph, input, parts.append, DRIVERS["in place"])
    return [plain(part) for part in parts]


async def streamed(graph: AnyPregel, input: Any) -> list[Any]:
    """Run the graph by LangGraph's own stream."""
    parts: list[Part] = []
    await collect(graph, input, parts.append, DRIVERS["plain"])
    return [plain(part) for part in parts]


async def collect(graph: AnyPregel, input: Any, take: Callable[[Part], None], drive: Drive) -> None:
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
