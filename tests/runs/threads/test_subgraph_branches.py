"""Subgraphs that keep a state of their own, when their thread goes back: theirs goes back with it."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from seltzer.runs.edits.updates import COPY, StateUpdate
from seltzer.runs.engine import Engine
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import RunSpec
from seltzer.stores.options import Retention
from tests.runs.conftest import Engines
from tests.runs.scenario import run_spec, run_to_end, texts
from tests.runs.scripted import Messages

pytestmark = pytest.mark.anyio


class Memory(TypedDict):
    seen: Annotated[list[str], operator.add]


def memory() -> AnyPregel:
    builder = StateGraph(Memory).add_node("keep", lambda state: {"seen": []}).add_edge(START, "keep")
    return builder.compile(checkpointer=True)


def in_a_function() -> AnyPregel:
    """Return a graph that answers with all that its subgraph has seen."""
    inner = memory()

    async def expert(state: Messages) -> Any:
        found = await inner.ainvoke({"seen": [state["messages"][-1].text]})
        return {"messages": [AIMessage("+".join(found["seen"]))]}

    return StateGraph(Messages).add_node("expert", expert).add_edge(START, "expert").compile()


def within_a_graph(agent: Callable[[], AnyPregel] = in_a_function) -> AnyPregel:
    return StateGraph(Messages).add_node("team", agent()).add_edge(START, "team").compile()


def within_a_lasting_graph(agent: Callable[[], AnyPregel] = in_a_function) -> AnyPregel:
    inner = agent()
    inner.checkpointer = True

    async def team(state: Messages) -> Any:
        found = await inner.ainvoke({"messages": [state["messages"][-1]]})
        return {"messages": [AIMessage(found["messages"][-1].text)]}

    return StateGraph(Messages).add_node("team", team).add_edge(START, "team").compile()


def asking(*, is_inside: bool = True) -> AnyPregel:
    """Return such a graph that asks in each turn: in its subgraph, or once it has called that."""

    async def ask(state: Memory) -> Any:
        return {"seen": [str(interrupt("may I?"))] if is_inside else []}

    inner = StateGraph(Memory).add_node("ask", ask).add_edge(START, "ask").compile(checkpointer=True)

    async def expert(state: Messages) -> Any:
        found = await inner.ainvoke({"seen": [state["messages"][-1].text]})
        answers = [] if is_inside else [str(interrupt("may I?"))]
        return {"messages": [AIMessage("+".join([*found["seen"], *answers]))]}

    return StateGraph(Messages).add_node("expert", expert).add_edge(START, "expert").compile()


ASKING: Mapping[str, Callable[[], AnyPregel]] = {
    "in a function": asking,
    "after it": partial(asking, is_inside=False),
    "within a graph": partial(within_a_graph, asking),
    "within a lasting graph": partial(within_a_lasting_graph, asking),
}
GRAPHS = [in_a_function, within_a_graph, within_a_lasting_graph]
graphs = pytest.mark.parametrize("graph", GRAPHS)
needs_replays = pytest.mark.skipif(
    version("langgraph").startswith("1.0."),
    reason="this langgraph has subgraphs continue where a node runs again",
)


class Questions:
    """The turns of a thread whose graph asks in each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._runs = 0

    async def ask(self, text: str = "", **options: Any) -> str:
        """Have the graph ask, or ask again; return the checkpoint in which it waits."""
        self._runs += 1
        given = {"messages": [text]} if text else None
        await run_to_end(self._engine, RunSpec("agent", given, "t", f"r{self._runs}", **options))
        return str((await self._engine.threads.state("agent", "t")).checkpoint_id)

    async def answer(self, text: str) -> None:
        [question] = (await self._engine.threads.state("agent", "t")).interrupts
        spec = RunSpec("agent", None, "t", f"answer to r{self._runs}", answered=f"r{self._runs}")
        await run_to_end(self._engine, replace(spec, answers={question["id"]: text}))


async def talk(engine: Engine, *questions: str) -> list[str | None]:
    """Ask the questions, each in a run named so; return the checkpoints after them."""
    places = []
    for question in questions:
        await run_to_end(engine, run_spec(question, run_id=question))
        places.append((await engine.threads.state("agent", "t")).checkpoint_id)
    return places


@graphs
async def test_a_fork_has_the_memory_of_the_state_it_begins_from(engine_of: Engines, graph: Any) -> None:
    engine = await engine_of(graph())
    first, second, _ = await talk(engine, "a", "b", "c")

    await run_to_end(engine, run_spec("d", run_id="d", checkpoint_id=first))
    await run_to_end(engine, run_spec("e", run_id="e"))
    assert await texts(engine) == ["a", "a", "d", "a+d", "e", "a+d+e"]

    await run_to_end(engine, run_spec("f", run_id="f", checkpoint_id=second))
    assert await texts(engine) == ["a", "a", "b", "a+b", "f", "a+b+f"]


@graphs
async def test_an_answer_again_has_the_memory_before_its_turn(engine_of: Engines, graph: Any) -> None:
    engine = await engine_of(graph())
    await talk(engine, "a", "b")

    for number in range(2):
        await run_to_end(engine, RunSpec("agent", None, "t", f"r{number}", from_message=""))

    assert await texts(engine) == ["a", "a", "b", "a+b"]


async def test_the_first_turn_again_has_no_memory(engine_of: Engines) -> None:
    engine = await engine_of(in_a_function())
    await talk(engine, "a", "b")
    first = str((await engine.messages("agent", "t"))[0].id)

    await run_to_end(engine, RunSpec("agent", None, "t", "again", from_message=first))

    assert await texts(engine) == ["a", "a"]
    await run_to_end(engine, run_spec("c", run_id="c"))
    assert await texts(engine) == ["a", "a", "c", "a+c"]


@graphs
async def test_a_turn_that_is_taken_back_is_forgotten(engine_of: Engines, graph: Any) -> None:
    engine = await engine_of(graph())
    await talk(engine, "a", "b")
    first, _, second, _ = [str(each.id) for each in await engine.messages("agent", "t")]

    await engine.edits.update("agent", "t", StateUpdate(None, COPY, from_message=second))
    await talk(engine, "c")
    assert await texts(engine) == ["a", "a", "c", "a+c"]

    await engine.edits.update("agent", "t", StateUpdate(None, COPY, from_message=first))
    await talk(engine, "d")
    assert await texts(engine) == ["d", "d"]


@graphs
async def test_a_state_that_is_the_newest_again_has_its_memory(engine_of: Engines, graph: Any) -> None:
    engine = await engine_of(graph())
    first, _, last = await talk(engine, "a", "b", "c")

    await engine.edits.update("agent", "t", StateUpdate(None, COPY, first))
    await talk(engine, "d")
    assert await texts(engine) == ["a", "a", "d", "a+d"]

    await engine.edits.update("agent", "t", StateUpdate(None, COPY, last))
    await talk(engine, "e")
    assert (await texts(engine))[-1] == "a+b+c+e"


async def test_a_fork_that_is_rolled_back_leaves_the_memory_as_it_was(engine_of: Engines) -> None:
    engine = await engine_of(in_a_function())
    first, _ = await talk(engine, "a", "b")
    await run_to_end(engine, run_spec("c", run_id="c", checkpoint_id=first))

    await engine_of.stores(engine).checkpoints.roll_back("t", ["c"])

    await talk(engine, "d")
    assert await texts(engine) == ["a", "a", "b", "a+b", "d", "a+b+d"]


async def test_a_question_that_is_asked_again_finds_the_memory_it_had(engine_of: Engines) -> None:
    engine = await engine_of(asking())
    thread = Questions(engine)
    place = await thread.ask("a")
    await thread.answer("yes")
    await thread.ask("b")
    await thread.answer("yes")
    assert await texts(engine) == ["a", "a+yes", "b", "a+yes+b+yes"]

    await thread.ask(checkpoint_id=place)
    await thread.answer("no")

    assert await texts(engine) == ["a", "a+no"]


@needs_replays
@pytest.mark.parametrize("keeping", [Retention(), Retention(checkpoints=2, turns=1)], ids=["all", "few"])
@pytest.mark.parametrize("graph", ASKING)
async def test_a_question_of_a_later_turn_is_asked_again(
    engine_of: Engines, graph: str, keeping: Retention
) -> None:
    engine = await engine_of(ASKING[graph](), keeping=keeping)
    thread = Questions(engine)
    for text in "abcd":
        place = await thread.ask(text)
        await thread.answer("yes")
    said = await texts(engine)

    for answer in ("no", "never"):  # of the question first, then of the one that was asked again
        place = await thread.ask(checkpoint_id=place)
        await thread.answer(answer)
        assert await texts(engine) == [*said[:-1], said[-1].removesuffix("yes") + answer]
        await thread.ask("e")
        await thread.answer("yes")


@needs_replays
@pytest.mark.parametrize("graph", ASKING)
async def test_a_question_that_is_the_newest_state_again_is_asked_again(
    engine_of: Engines, graph: str
) -> None:
    engine = await engine_of(ASKING[graph]())
    thread = Questions(engine)
    for text in "ab":
        place = await thread.ask(text)
        await thread.answer("yes")
    said = await texts(engine)
    await engine.edits.update("agent", "t", StateUpdate(None, COPY, place))
    copied = (await engine.threads.state("agent", "t")).checkpoint_id

    for answer in ("no", "never"):
        await thread.ask(checkpoint_id=copied)
        await thread.answer(answer)
        assert await texts(engine) == [*said[:-1], said[-1].removesuffix("yes") + answer]


async def test_langgraph_itself_gives_a_fork_the_memory_of_the_branch_that_was_left() -> None:
    graph = in_a_function().copy(update={"checkpointer": InMemorySaver()})
    thread: Any = {"configurable": {"thread_id": "t"}}
    await graph.ainvoke({"messages": ["a"]}, thread)
    first = (await graph.aget_state(thread)).config
    await graph.ainvoke({"messages": ["b"]}, thread)

    forked = await graph.ainvoke({"messages": ["c"]}, first)

    assert forked["messages"][-1].text == "a+b+c"


async def test_calls_that_a_subgraph_had_open_then_have_a_result_where_it_is_gone_back_to(
    engine_of: Engines,
) -> None:
    """Where a turn has failed, its graph's last state is written before its subgraph is repaired."""
    given: list[list[str]] = []

    def calling(name: str) -> AIMessage:
        return AIMessage("", tool_calls=[{"name": name, "args": {}, "id": name}])

    async def plan(state: Messages) -> Any:
        given.append([each.type for each in state["messages"]])
        return {"messages": [calling("inner") if state["messages"][-1].text == "fail" else AIMessage("ok")]}

    def work(state: Messages) -> Any:
        raise ValueError("broken")

    builder = StateGraph(Messages).add_node("plan", plan).add_node("work", work).add_edge(START, "plan")
    builder.add_conditional_edges("plan", lambda state: "work" if state["messages"][-1].tool_calls else END)
    inner = builder.compile(checkpointer=True)

    async def tool(state: Messages) -> Any:
        found = await inner.ainvoke({"messages": state["messages"][-2:-1]})
        return {"messages": [ToolMessage(found["messages"][-1].text, tool_call_id="outer")]}

    outer = StateGraph(Messages).add_node("ask", lambda _: {"messages": [calling("outer")]})
    outer.add_node("tool", tool).add_edge(START, "ask").add_edge("ask", "tool")
    engine = await engine_of(outer.compile())
    places = await talk(engine, "fail", "a")

    await run_to_end(engine, run_spec("b", run_id="b", checkpoint_id=places[0]))

    assert given[1:] == [["human", "ai", "tool", "human"]] * 2
