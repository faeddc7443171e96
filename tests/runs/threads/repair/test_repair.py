"""A thread whose last run was stopped: what is put into it, and that its next turn works."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Annotated, Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call_chunk
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import Send
from pydantic import Field
from typing_extensions import TypedDict

from seltzer.runs.graph import AnyPregel
from seltzer.runs.threads.repair.open_calls import NO_RESULT, unanswered_calls
from seltzer.runs.threads.repair.repair import repair
from tests.runs.scripted import Messages, ScriptedModel

pytestmark = pytest.mark.anyio

SqliteSaver = BaseCheckpointSaver[Any]
CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}, "metadata": {"run_id": "stopped"}}
NEXT: RunnableConfig = {"configurable": {"thread_id": "t"}, "metadata": {"run_id": "next"}}


class RecordingModel(ScriptedModel):
    """A scripted model that keeps what it was asked."""

    asked: list[list[BaseMessage]] = Field(default_factory=list)

    async def _astream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        self.asked.append(list(messages))
        async for chunk in super()._astream(messages, *args, **kwargs):
            yield chunk


class Bench:
    """Tools of which one never ends; begun is set when it has begun."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

        @tool
        async def quick(x: int) -> str:
            """Double."""
            return str(2 * x)

        @tool
        async def endless(x: int) -> str:
            """Wait for ever."""
            self.begun.set()
            return str(await asyncio.Event().wait())

        self.tools = [quick, endless]


@pytest.fixture(params=["memory", "sqlite"])
async def saver(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteSaver]:
    if request.param == "memory":
        yield InMemorySaver()
        return
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as sqlite:
        yield sqlite


@pytest.fixture
def bench() -> Bench:
    return Bench()


def calls(*names: str) -> AIMessageChunk:
    """An answer that calls the tools of those names, as c0, c1 .."""
    parts = [
        tool_call_chunk(name=name, args=json.dumps({"x": i}), id=f"c{i}", index=i)
        for i, name in enumerate(names)
    ]
    return AIMessageChunk(content="", tool_call_chunks=parts, chunk_position="last")


def agent(saver: SqliteSaver, model: ScriptedModel, bench: Bench, *, each_apart: bool = False) -> AnyPregel:
    """A model and its tools; each_apart runs every call as a task of its own."""

    async def say(state: Messages) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    def where_next(state: Messages) -> Any:
        found: Any = state["messages"][-1]
        if not each_apart:
            return "tools" if found.tool_calls else END
        return [Send("tools", [call]) for call in found.tool_calls] or END

    builder = StateGraph(Messages)
    builder.add_node("model", say)
    builder.add_node("tools", ToolNode(bench.tools))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", where_next, ["tools", END])
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=saver)


async def ran(pregel: AnyPregel, text: str, config: RunnableConfig, *, parts: int = 1_000) -> None:
    """Run the graph as the engine does, to its end or to that many updates."""
    stream: Any = pregel.astream(ask(text), config, stream_mode=["messages", "updates"], durability="sync")
    async with aclosing(stream):
        async for mode, _ in stream:
            parts -= mode == "updates"
            if not parts:
                return


async def stopped(pregel: AnyPregel, when: asyncio.Event) -> None:
    """Start a run, and cancel it when the event is set."""
    run = asyncio.create_task(ran(pregel, "first", CONFIG))
    with anyio.fail_after(10):
        await when.wait()
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run


def ask(text: str) -> Any:
    return {"messages": [HumanMessage(text)]}


async def thread(pregel: AnyPregel) -> list[AnyMessage]:
    state = await pregel.aget_state(CONFIG)
    return list(state.values.get("messages", []))


def shown(messages: Sequence[BaseMessage]) -> list[str]:
    return [f"{m.type}: {m.text}" for m in messages]


def is_valid(messages: Sequence[BaseMessage]) -> bool:
    """Return whether a provider accepts it: each call has its result right after its message."""
    ids = [message.id for message in messages if message.id]
    due: list[str | None] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in due:
                return False
            due.remove(message.tool_call_id)
        elif due:
            return False
        elif isinstance(message, AIMessage):
            due = [call["id"] for call in (*message.tool_calls, *message.invalid_tool_calls)]
    return not due and len(ids) == len(set(ids))


def gate() -> tuple[asyncio.Event, "Gate"]:
    reached = asyncio.Event()
    return reached, Gate(reached)


class Gate(asyncio.Event):
    """Says when it is waited for, and is never opened."""

    def __init__(self, reached: asyncio.Event) -> None:
        super().__init__()
        self._reached = reached

    async def wait(self) -> Any:
        self._reached.set()
        return await super().wait()


def partial(text: str, message_id: str = "p") -> AIMessage:
    return AIMessage(text, id=message_id, response_metadata={"incomplete": True})


async def test_stopped_in_mid_answer_the_thread_keeps_the_partial_answer(
    saver: SqliteSaver, bench: Bench
) -> None:
    reached, gate_ = gate()
    model = RecordingModel(scripts=[["It is", gate_], ["Hello again."]])
    pregel = agent(saver, model, bench)
    await stopped(pregel, reached)

    await repair(pregel, CONFIG, partial("It is"))

    state = await pregel.aget_state(CONFIG)
    assert state.next == ()
    assert state.values["messages"][-1].response_metadata == {"incomplete": True}
    await ran(pregel, "second", NEXT)
    assert shown(model.asked[-1]) == ["human: first", "ai: It is", "human: second"]
    assert is_valid(await thread(pregel))


async def test_stopped_in_a_tool_its_call_gets_an_error(saver: SqliteSaver, bench: Bench) -> None:
    model = RecordingModel(scripts=[[calls("endless")], ["Hello again."]])
    pregel = agent(saver, model, bench)
    await stopped(pregel, bench.begun)

    await repair(pregel, CONFIG)

    state = await pregel.aget_state(CONFIG)
    error = state.values["messages"][-1]
    assert state.next == ()
    assert (error.name, error.tool_call_id, error.status) == ("endless", "c0", "error")
    await ran(pregel, "second", NEXT)
    assert shown(model.asked[-1]) == ["human: first", "ai: ", f"tool: {NO_RESULT}", "human: second"]
    assert is_valid(model.asked[-1])


async def test_of_two_calls_the_one_that_had_finished_keeps_its_result(
    saver: SqliteSaver, bench: Bench
) -> None:
    model = RecordingModel(scripts=[[calls("endless", "quick")], ["Hello again."]])
    pregel = agent(saver, model, bench, each_apart=True)
    await ran(pregel, "first", CONFIG, parts=2)  # the model's, and the quick tool's

    await repair(pregel, CONFIG)

    state = await pregel.aget_state(CONFIG)
    assert state.next == ()
    assert shown(state.values["messages"][2:]) == ["tool: 2", f"tool: {NO_RESULT}"]
    await ran(pregel, "second", NEXT)
    assert is_valid(model.asked[-1])
    assert len(await thread(pregel)) == 6


@pytest.mark.parametrize("each_apart", [False, True])
async def test_stopped_between_the_model_and_its_tools(
    saver: SqliteSaver, bench: Bench, each_apart: bool
) -> None:
    model = RecordingModel(scripts=[[calls("quick", "quick")], ["Hello again."]])
    pregel = agent(saver, model, bench, each_apart=each_apart)
    await ran(pregel, "first", CONFIG, parts=1)

    await repair(pregel, CONFIG)

    assert (await pregel.aget_state(CONFIG)).next == ()
    await ran(pregel, "second", NEXT)
    assert is_valid(model.asked[-1])
    assert [m.type for m in model.asked[-1]] == ["human", "ai", "tool", "tool", "human"]


async def test_a_model_that_fails_after_a_tool_leaves_everything_before_it(
    saver: SqliteSaver, bench: Bench
) -> None:
    model = RecordingModel(scripts=[[calls("quick")], ["It", RuntimeError("gone")], ["Hello again."]])
    pregel = agent(saver, model, bench)
    with pytest.raises(RuntimeError, match="gone"):
        await ran(pregel, "first", CONFIG)

    await repair(pregel, CONFIG, partial("It"))
    await ran(pregel, "second", NEXT)

    assert shown(model.asked[-1]) == ["human: first", "ai: ", "tool: 0", "ai: It", "human: second"]
    assert is_valid(model.asked[-1])


async def test_what_is_written_belongs_to_the_run_and_is_written_once(
    saver: SqliteSaver, bench: Bench
) -> None:
    pregel = agent(saver, RecordingModel(scripts=[[calls("endless")]]), bench)
    await stopped(pregel, bench.begun)

    await repair(pregel, CONFIG, partial("So"))
    before = await thread(pregel)
    await repair(pregel, CONFIG, partial("So"))

    assert await thread(pregel) == before
    assert [m.type for m in before] == ["human", "ai", "tool", "ai"]
    history = [state async for state in pregel.aget_state_history(CONFIG)]
    assert {(state.metadata or {}).get("run_id") for state in history} == {"stopped"}


@pytest.mark.parametrize("answer", [partial("It", "of the log"), partial("anything", "of the thread")])
async def test_an_answer_that_the_thread_has_is_not_put_there_again(
    saver: SqliteSaver, bench: Bench, answer: AIMessage
) -> None:
    whole = AIMessage("It is 4.", id="of the thread")
    pregel = agent(saver, RecordingModel(scripts=[[]]), bench)
    await pregel.aupdate_state(CONFIG, {"messages": [HumanMessage("first"), whole]}, as_node="model")
    before = await pregel.aget_state(CONFIG)

    await repair(pregel, CONFIG, answer)

    assert await pregel.aget_state(CONFIG) == before


async def test_where_nothing_is_missing_nothing_is_written(saver: SqliteSaver, bench: Bench) -> None:
    reached, gate_ = gate()
    pregel = agent(saver, RecordingModel(scripts=[[gate_], ["Hello."]]), bench)
    await repair(pregel, CONFIG)
    assert (await pregel.aget_state(CONFIG)).metadata is None  # there is no thread yet
    await stopped(pregel, reached)
    before = await pregel.aget_state(CONFIG)

    await repair(pregel, CONFIG)

    assert await pregel.aget_state(CONFIG) == before
    await ran(pregel, "second", NEXT)
    assert shown(await thread(pregel)) == ["human: first", "human: second", "ai: Hello."]


async def test_the_graphs_own_nodes_and_edges_are_not_run(saver: SqliteSaver) -> None:
    ran: list[str] = []
    begun = asyncio.Event()

    async def talk(state: Messages) -> Any:
        begun.set()
        await asyncio.Event().wait()

    def route(name: str, to: str) -> Any:
        def chosen(state: Messages) -> str:
            ran.append(name)
            return to

        return chosen

    builder = StateGraph(Messages)
    builder.add_node("talk", talk)
    builder.add_conditional_edges(START, route("start", "talk"), ["talk"])
    builder.add_conditional_edges("talk", route("talk", "talk"), ["talk"])
    pregel = builder.compile(checkpointer=saver)
    await stopped(pregel, begun)

    await repair(pregel, CONFIG, partial("It"))

    assert ran == ["start"]
    assert (await pregel.aget_state(CONFIG)).next == ()


async def test_a_result_comes_before_another_nodes_partial_answer(saver: SqliteSaver, bench: Bench) -> None:
    async def comment(state: Messages) -> Any:
        await asyncio.Event().wait()

    async def work(state: Messages) -> Any:
        return {"messages": [calls("endless")]}

    builder = StateGraph(Messages)
    builder.add_node("work", work)
    builder.add_node("tools", ToolNode(bench.tools))
    builder.add_node("comment", comment)
    builder.add_edge(START, "work")
    builder.add_edge("work", "tools")
    builder.add_edge("work", "comment")
    pregel = builder.compile(checkpointer=saver)
    await stopped(pregel, bench.begun)

    await repair(pregel, CONFIG, partial("By the way,"))

    assert [m.type for m in await thread(pregel)] == ["human", "ai", "tool", "ai"]
    assert is_valid(await thread(pregel))


async def test_a_node_that_had_finished_in_parallel_is_kept(saver: SqliteSaver) -> None:
    async def remark(state: Messages) -> Any:
        return {"messages": [AIMessage("A remark.")]}

    async def wait(state: Messages) -> Any:
        await asyncio.Event().wait()

    builder = StateGraph(Messages)
    builder.add_node("remark", remark)
    builder.add_node("wait", wait)
    builder.add_edge(START, "remark")
    builder.add_edge(START, "wait")
    pregel = builder.compile(checkpointer=saver)
    await ran(pregel, "first", CONFIG, parts=1)

    await repair(pregel, CONFIG)
    await ran(pregel, "second", NEXT, parts=1)

    assert shown(await thread(pregel)) == ["human: first", "ai: A remark.", "human: second", "ai: A remark."]


async def test_stopped_in_a_subgraph_the_thread_continues_from_the_question(
    saver: SqliteSaver, bench: Bench
) -> None:
    model = RecordingModel(scripts=[[calls("endless")], ["Hello again."]])
    builder = StateGraph(Messages)
    builder.add_node("writer", agent(None, model, bench))  # type: ignore[arg-type]  # it takes its parent's
    builder.add_edge(START, "writer")
    pregel = builder.compile(checkpointer=saver)
    await stopped(pregel, bench.begun)

    await repair(pregel, CONFIG, partial("Let me see."))
    await ran(pregel, "second", NEXT)

    assert shown(model.asked[-1]) == ["human: first", "ai: Let me see.", "human: second"]


class Overwritten(TypedDict):
    messages: list[BaseMessage]


class Formatted(TypedDict):
    messages: Annotated[list[BaseMessage], add_messages(format="langchain-openai")]


class Textual(TypedDict):
    text: str


@pytest.mark.parametrize(
    ("schema", "input", "is_repaired"),
    [
        (Overwritten, ask("first"), True),
        (Textual, {"text": "first"}, False),
        (Formatted, ask("first"), True),
    ],
)
async def test_only_messages_are_added_to(
    saver: SqliteSaver, schema: Any, input: Any, is_repaired: bool
) -> None:
    builder = StateGraph(schema)
    builder.add_node("pass", lambda state: None)
    builder.add_edge(START, "pass")
    pregel = builder.compile(checkpointer=saver)
    await pregel.ainvoke(input, CONFIG)
    before = await pregel.aget_state(CONFIG)

    await repair(pregel, CONFIG, partial("It"))

    assert (await pregel.aget_state(CONFIG) != before) is is_repaired


def test_a_call_that_could_not_be_read_needs_a_result_too() -> None:
    broken = invalid_tool_call(name="quick", args="{", id="b", error=None)
    without_id = invalid_tool_call(name="quick", args="{", id=None, error=None)
    answer = calls("quick").model_copy(update={"invalid_tool_calls": [broken, without_id]})

    assert [m.tool_call_id for m in unanswered_calls([answer])] == ["c0", "b"]


def test_calls_followed_by_other_messages_are_left_alone() -> None:
    assert unanswered_calls([calls("quick"), HumanMessage("well?")]) == []
    assert unanswered_calls([calls("quick"), AIMessage("well.")]) == []
    assert unanswered_calls([]) == []
    assert unanswered_calls([HumanMessage("well?")]) == []


@given(st.lists(st.booleans(), max_size=6), st.randoms())
def test_whichever_calls_are_open_in_the_end_each_has_one_result(answered: list[bool], chance: Any) -> None:
    answer = calls(*["quick"] * len(answered))
    results = [
        ToolMessage("0", tool_call_id=f"c{i}", id=f"r{i}") for i, is_done in enumerate(answered) if is_done
    ]
    chance.shuffle(results)
    messages: list[AnyMessage] = [HumanMessage("first", id="h"), answer, *results]

    missing = unanswered_calls(messages)

    assert [m.tool_call_id for m in missing] == [f"c{i}" for i, is_done in enumerate(answered) if not is_done]
    assert is_valid([*messages, *missing])
    assert unanswered_calls([*messages, *missing]) == []
