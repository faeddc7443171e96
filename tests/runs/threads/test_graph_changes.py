"""A graph that is changed while it has threads: what LangGraph lets one change, and what it would drop."""

import asyncio
import operator
from collections.abc import Callable
from typing import Annotated, Any

import anyio
import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.graph import START, StateGraph, add_messages
from langgraph.types import Send, interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from seltzer.runs.engine import Engine
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.pending_nodes import BRANCH, JOIN
from tests.runs.conftest import Engines
from tests.runs.scenario import read_all, run_spec, run_to_end, spec_answering, texts
from tests.runs.scripted import Messages
from tests.runs.threads.repair.test_own_reducers import state_of

pytestmark = pytest.mark.anyio


async def approve(state: Any) -> Any:
    return {"messages": [AIMessage(f"{interrupt('may I?')}")]}


def asking(name: str) -> AnyPregel:
    return StateGraph(Messages).add_node(name, approve).add_edge(START, name).compile()


def sending(name: str) -> AnyPregel:
    builder = StateGraph(Messages).add_node(name, approve)
    return builder.add_conditional_edges(START, lambda state: [Send(name, state)], [name]).compile()


def joining(name: str) -> AnyPregel:
    async def nothing(state: Any) -> Any:
        return {}

    builder = StateGraph(Messages).add_node("a", nothing).add_node("b", nothing).add_node(name, approve)
    builder.add_edge(START, "a").add_edge(START, "b").add_edge(["a", "b"], name)
    return builder.compile()


def nesting(name: str) -> AnyPregel:
    return StateGraph(Messages).add_node("inner", asking(name)).add_edge(START, "inner").compile()


def nesting_twice(name: str) -> AnyPregel:
    return StateGraph(Messages).add_node("outer", nesting(name)).add_edge(START, "outer").compile()


def remembering(name: str) -> AnyPregel:
    inner = StateGraph(Messages).add_node(name, approve).add_edge(START, name).compile(checkpointer=True)
    return StateGraph(Messages).add_node("inner", inner).add_edge(START, "inner").compile()


def calling(name: str) -> AnyPregel:
    inner = asking(name)

    async def call(state: Messages) -> Any:
        return await inner.ainvoke(state)

    return StateGraph(Messages).add_node("inner", call).add_edge(START, "inner").compile()


def breaking(name: str) -> AnyPregel:
    async def act(state: Any) -> Any:
        return {"messages": [AIMessage("done")]}

    builder = StateGraph(Messages).add_node(name, act).add_edge(START, name)
    return builder.compile(interrupt_before=[name])


GRAPHS: dict[Callable[[str], AnyPregel], str] = {
    asking: "approve",
    sending: "approve",
    joining: "approve",
    nesting: "inner.approve",
    nesting_twice: "outer.inner.approve",
    remembering: "inner.approve",
    calling: "inner.approve",
    breaking: "approve",
}


async def reopened(engine_of: Engines, engine: Engine, graph: AnyPregel) -> Engine:
    await engine.aclose()
    return await engine_of(graph)


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.__name__)
async def test_a_question_of_a_node_that_is_gone_is_told_and_stands(
    engine_of: Engines, graph: Callable[[str], AnyPregel]
) -> None:
    engine = await engine_of(graph("approve"))
    asked = (await run_to_end(engine, run_spec("please", run_id="r1")))[-1].data["interrupts"]
    answers = {each["id"]: "yes" for each in asked}
    before = await engine.threads.state("agent", "t")

    engine = await reopened(engine_of, engine, graph("confirm"))
    last = (await run_to_end(engine, spec_answering(answers, run_id="r2")))[-1]
    after = await engine.threads.state("agent", "t")

    assert (last.kind, last.data["code"], last.data["retryable"]) == ("failed", "graph_changed", False)
    assert repr(GRAPHS[graph]) in last.data["message"]
    assert (after.checkpoint_id, after.values) == (before.checkpoint_id, before.values)
    assert (await engine.threads.get("agent", "t")).status == "interrupted"
    engine = await reopened(engine_of, engine, graph("approve"))  # with the node back it is answered
    assert (await run_to_end(engine, spec_answering(answers, run_id="r3")))[-1].kind == "finished"
    assert (await texts(engine))[-1] in ("yes", "done")


async def test_of_two_questions_the_one_whose_node_is_gone_is_named(engine_of: Engines) -> None:
    def two(name: str) -> AnyPregel:
        builder = StateGraph(Messages).add_node("stays", approve).add_node(name, approve)
        return builder.add_edge(START, "stays").add_edge(START, name).compile()

    engine = await engine_of(two("goes"))
    asked = (await run_to_end(engine, run_spec("please", run_id="r1")))[-1].data["interrupts"]

    engine = await reopened(engine_of, engine, two("new"))
    last = (await run_to_end(engine, spec_answering({each["id"]: "yes" for each in asked}, run_id="r2")))[-1]

    assert last.data["message"].endswith("it has no node 'goes' any more.")


async def test_the_question_can_be_withdrawn(engine_of: Engines) -> None:
    engine = await engine_of(asking("approve"))
    await run_to_end(engine, run_spec("please", run_id="r1"))

    engine = await reopened(engine_of, engine, asking("confirm"))
    last = (await run_to_end(engine, run_spec("again", run_id="r2", on_busy="rollback")))[-1]

    assert last.kind == "interrupted"
    assert await texts(engine) == ["again"]


def working(gate: asyncio.Event, begun: asyncio.Event, *, second: str = "second") -> AnyPregel:
    """Return a graph whose two nodes run one after the other, beside one that waits."""

    async def first(state: Any) -> Any:
        return {"messages": [AIMessage("one")]}

    async def then(state: Any) -> Any:
        begun.set()
        await gate.wait()
        return {"messages": [AIMessage("two")]}

    builder = StateGraph(Messages).add_node("first", first).add_node(second, then)
    return builder.add_edge(START, "first").add_edge("first", second).compile()


async def killed(engine_of: Engines) -> Any:
    """Return the folder of a process that was killed amid its second node."""
    begun = asyncio.Event()
    engine = await engine_of(working(asyncio.Event(), begun))
    await engine.start(run_spec("please", run_id="r1"))
    with anyio.fail_after(10):
        await begun.wait()
    return engine_of.killed(engine)


async def test_a_killed_run_whose_next_node_is_gone_fails_and_the_thread_is_as_it_was(
    engine_of: Engines,
) -> None:
    done = asyncio.Event()
    done.set()

    engine = await engine_of(working(done, asyncio.Event(), second="other"), folder=await killed(engine_of))
    last = (await read_all(engine.follow("r1")))[-1]

    assert (last.kind, last.data["code"]) == ("failed", "graph_changed")
    assert "'second'" in last.data["message"]
    assert await texts(engine) == ["please", "one"]
    assert (await run_to_end(engine, run_spec("again", run_id="r2")))[-1].kind == "finished"
    assert await texts(engine) == ["please", "one", "again", "one", "two"]


async def test_a_killed_run_continues_in_a_graph_with_more_nodes(engine_of: Engines) -> None:
    done = asyncio.Event()
    done.set()

    async def third(state: Any) -> Any:
        return {"messages": [AIMessage("three")]}

    builder: Any = working(done, asyncio.Event()).builder  # type: ignore[attr-defined]  # a compiled graph's
    more = builder.add_node("third", third).add_edge("second", "third").compile()
    engine = await engine_of(more, folder=await killed(engine_of))
    await read_all(engine.follow("r1"))

    assert await texts(engine) == ["please", "one", "two", "three"]


async def test_a_thread_that_does_not_wait_continues_in_any_graph(engine_of: Engines) -> None:
    def saying(name: str, text: str) -> AnyPregel:
        async def say(state: Any) -> Any:
            return {"messages": [AIMessage(text)]}

        return StateGraph(Messages).add_node(name, say).add_edge(START, name).compile()

    engine = await engine_of(saying("old", "one"))
    await run_to_end(engine, run_spec("1", run_id="r1"))

    engine = await reopened(engine_of, engine, saying("new", "two"))
    await run_to_end(engine, run_spec("2", run_id="r2"))

    assert await texts(engine) == ["1", "one", "2", "two"]


def counting(schema: Any, write: Callable[[Any], Any]) -> AnyPregel:
    async def count(state: Any) -> Any:
        return write(state)

    return StateGraph(schema).add_node("count", count).add_edge(START, "count").compile()


MESSAGES = Annotated[list[BaseMessage], add_messages]


@pytest.mark.parametrize(
    ("schema", "write", "expected"),
    [
        (state_of(messages=MESSAGES, n=int, new=str), lambda s: {"new": f"{s['n']}"}, {"n": 1, "new": "1"}),
        (state_of(messages=MESSAGES), lambda s: {"messages": []}, {}),
        (state_of(messages=MESSAGES, renamed=int), lambda s: {"renamed": s.get("n", 7)}, {"renamed": 7}),
        (state_of(messages=MESSAGES, n=str), lambda s: {"n": f"{s['n']}!"}, {"n": "1!"}),
        (state_of(messages=MESSAGES, n=Annotated[int, operator.add]), lambda s: {"n": 1}, {"n": 2}),
    ],
    ids=["a key is added", "a key is removed", "a key is renamed", "a type is changed", "a reducer is added"],
)
async def test_keys_may_be_changed_as_in_langgraph(
    engine_of: Engines, schema: Any, write: Callable[[Any], Any], expected: Any
) -> None:
    before = counting(state_of(messages=MESSAGES, n=int), lambda s: {"n": 1})
    engine = await engine_of(before)
    await run_to_end(engine, run_spec("1", run_id="r1"))

    engine = await reopened(engine_of, engine, counting(schema, write))
    await run_to_end(engine, run_spec("2", run_id="r2"))

    values = (await engine.threads.state("agent", "t")).values
    assert [each["content"] for each in values.pop("messages")] == ["1", "2"]
    assert values == expected


async def test_a_removed_key_is_back_with_its_value_once_the_graph_declares_it_again(
    engine_of: Engines,
) -> None:
    """A channel's value is kept in each checkpoint as long as no checkpoint is written without it."""
    before = counting(state_of(messages=MESSAGES, n=int), lambda s: {"n": 1})
    engine = await engine_of(before)
    await run_to_end(engine, run_spec("1", run_id="r1"))

    engine = await reopened(engine_of, engine, counting(state_of(messages=MESSAGES), lambda s: {}))
    assert "n" not in (await engine.threads.state("agent", "t")).values
    engine = await reopened(engine_of, engine, before)

    assert (await engine.threads.state("agent", "t")).values["n"] == 1


async def test_a_type_that_its_validation_refuses_fails_the_run_and_leaves_the_thread(
    engine_of: Engines,
) -> None:
    class Before(BaseModel):
        messages: MESSAGES = []
        n: str = ""

    class After(BaseModel):
        messages: MESSAGES = []
        n: int = 0

    engine = await engine_of(counting(Before, lambda s: {"n": "many"}))
    await run_to_end(engine, run_spec("1", run_id="r1"))

    engine = await reopened(engine_of, engine, counting(After, lambda s: {}))
    last = (await run_to_end(engine, run_spec("2", run_id="r2")))[-1]
    engine = await reopened(engine_of, engine, counting(Before, lambda s: {"n": s.n + "!"}))
    await run_to_end(engine, run_spec("3", run_id="r3"))

    assert last.kind == "failed"
    assert (await engine.threads.state("agent", "t")).values["n"] == "many!"


def test_langgraph_names_the_channels_that_trigger_a_node_as_it_is_read_here() -> None:
    class State(TypedDict):
        n: int

    builder = StateGraph(State)
    for name in ("a", "b", "c", "d"):
        builder.add_node(name, lambda state: {})
    builder.add_edge(START, "a").add_edge(START, "b").add_edge(["a", "b"], "c").add_edge("c", "d")

    nodes: Any = builder.compile().nodes

    assert nodes["d"].triggers == [f"{BRANCH}d"]
    assert f"{JOIN}a+b:c" in nodes["c"].triggers


async def test_a_run_from_a_state_whose_only_next_node_is_gone_names_the_node(engine_of: Engines) -> None:
    engine = await engine_of(breaking("approve"))
    await run_to_end(engine, run_spec("please", run_id="r1"))
    place = (await engine.threads.state("agent", "t")).checkpoint_id
    await run_to_end(engine, RunSpec("agent", None, "t", "r2", answers={}, answered="r1"))
    before = await engine.threads.state("agent", "t")
    await engine.aclose()

    engine = await engine_of(breaking("renamed"))
    last = (await run_to_end(engine, RunSpec("agent", None, "t", "r3", checkpoint_id=place)))[-1]

    assert (last.kind, last.data["code"]) == ("failed", "graph_changed")
    assert "'approve'" in last.data["message"]
    assert await engine.threads.state("agent", "t") == before
