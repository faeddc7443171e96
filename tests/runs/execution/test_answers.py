"""Which text is the answer of graphs of many shapes: as events, as a text stream, as the run's output."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from seltzer.runs.answer import BREAK, AnswerText
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.graph import AnyPregel, Graph
from seltzer.runs.run import RunSpec
from tests.runs.conftest import Engines
from tests.runs.execution import answers as a
from tests.runs.scripted import named

pytestmark = pytest.mark.anyio

ANSWER = "The answer is here."


@dataclass(frozen=True)
class Shape:
    """A graph, what a text stream shows of it, and whether the answer begins there while it is being said."""

    make: Callable[[a.World], AnyPregel]
    is_live: bool = True
    shown: tuple[str, ...] = (ANSWER,)


LIVE = {
    "a model": Shape(a.simple),
    "an agent": Shape(a.tool_loop),
    "an agent with a preamble": Shape(a.preamble, shown=("Let me see.", ANSWER)),
    "rag with a grader": Shape(a.rag_with_grader),
    "rag with a grader in an edge": Shape(a.grader_in_an_edge),
    "a router": Shape(a.router),
    "a router with a parser": Shape(a.router_with_parser),
    "a router by command": Shape(a.router_by_command),
    "plan and execute": Shape(a.plan_and_execute),
    "a swarm": Shape(a.swarm),
    "a summary by chance": Shape(a.summary_by_chance),
    "a sub-agent in a tool": Shape(a.sub_agent_in_a_tool),
    "a sub-agent in a sync tool": Shape(a.sub_agent_in_a_sync_tool),
    "a hand-made tool node": Shape(a.hand_made_tool_node),
    "a sub-agent as a node": Shape(a.sub_agent_as_a_node),
    "rewrapped by the node that calls the model": Shape(a.rewrapped_directly),
    "a quiet model": Shape(a.quiet),
    "reflection": Shape(a.reflection, shown=("A draft.", ANSWER)),
    "functions": Shape(a.functional),
    "a retry": Shape(a.retried),
    "a fallback": Shape(a.fallback),
    "a model in middleware before": Shape(a.model_before),
    "a model in middleware after": Shape(a.model_after),
}
HELD = {
    "a supervisor": Shape(a.supervisor),
    "map and reduce": Shape(a.map_reduce),
    "a title beside the answer": Shape(a.parallel_title),
    "a guard beside the answer": Shape(a.guard),
    "a summary after the answer": Shape(a.summary_after),
    "rewrapped": Shape(a.rewrapped(str)),
    "rewrapped and stripped": Shape(a.rewrapped(str.strip)),
    "rewrapped with a prefix": Shape(a.rewrapped("Expert: {}".format), shown=(f"Expert: {ANSWER}",)),
    "two calls in a node": Shape(a.two_calls_in_a_node, shown=("technical", ANSWER)),
    "a draft and its polish": Shape(a.draft_and_polish),
}
AT_ONCE = {
    "a quiet model's answer": Shape(a.quiet_answer),
    "a pair": Shape(a.returned([("ai", ANSWER)])),
    "a bare pair": Shape(a.returned(("ai", ANSWER))),
    "a dict": Shape(a.returned({"role": "assistant", "content": ANSWER})),
    "a bare message": Shape(a.returned(AIMessage(ANSWER))),
    "a typed dict": Shape(a.returned([{"type": "ai", "content": ANSWER}])),
    "a cached node": Shape(a.cached),
    "structured by a tool": Shape(a.structured_by_tool, shown=('{"name": "Ada"}',)),
    "structured by its text": Shape(a.structured_by_text, shown=('{"name":"Ada"}',)),
    "a tool that returns directly": Shape(a.returned_directly),
}
SHAPES = {
    **LIVE,
    **{name: replace(shape, is_live=False) for name, shape in {**HELD, **AT_ONCE}.items()},
    "structured afterwards": Shape(a.structured_afterwards, is_live=False, shown=('{"name": "Ada"}',)),
}


class Reader:
    """Reads a run as its clients do: the events as they are, and the text that a text stream sends."""

    def __init__(self) -> None:
        self._text = AnswerText()
        self._answers: dict[str, str] = {}
        self.sent = ""
        self.sent_before_the_end = ""
        self.last = ""

    def read(self, event: Event) -> None:
        if not event.is_last:
            self.sent_before_the_end = self.sent
        self.sent += "".join(self._text.chunks(event))
        if event.kind == "token" and event.data["channel"] == "answer":
            self._answers[event.data["message_id"]] = (
                self._answers.get(event.data["message_id"], "") + event.data["text"]
            )
        elif event.kind == "retracted":
            self._answers.pop(event.data["message_id"])
        self.last = event.kind

    @property
    def shown(self) -> tuple[str, ...]:
        return tuple(each.strip() for each in self.sent.split(BREAK))

    @property
    def answers(self) -> list[str]:
        """The texts of the answer's channel that weren't retracted."""
        return [text.strip() for text in self._answers.values() if text.strip()]


async def read(engine: Engine, spec: RunSpec, gate: a.Gate, *, is_live: bool) -> Reader:
    """Run it; the gate opens when the answer's first word has come to a text stream, or else to a reader."""
    reader = Reader()
    with anyio.fail_after(20):
        await engine.start(spec)
        async for event in engine.follow(spec.run_id):
            reader.read(event)
            has_begun = "The answer" in reader.sent or not is_live
            if has_begun and event.kind == "token" and event.data["text"].startswith("answer"):
                gate.set()
    return reader


def spec(run_id: str = "r", **options: Any) -> RunSpec:
    return RunSpec("agent", {"messages": [HumanMessage("hi")]}, thread_id=run_id, run_id=run_id, **options)


def graph_of(pregel: AnyPregel, *answer_nodes: str) -> dict[str, Graph]:
    [(name, graph)] = named(pregel).items()
    return {name: replace(graph, answer_nodes=answer_nodes)}


@pytest.mark.parametrize("accelerate", [True, False], ids=["in place", "plain"])
@pytest.mark.parametrize("name", SHAPES)
async def test_the_answer_is_the_states_wherever_it_is_read(
    name: str, accelerate: bool, engine_of: Engines
) -> None:
    shape, world = SHAPES[name], a.World()
    engine = await engine_of(graph_of(shape.make(world)), accelerate=accelerate)

    reader = await read(engine, spec(), world.gate, is_live=shape.is_live)

    output = (await engine.get_run("r")).output.strip()
    assert reader.last == "finished"
    assert reader.shown == shape.shown
    assert reader.answers == [shape.shown[-1]]
    assert output.replace(" ", "") == shape.shown[-1].replace(" ", "")


@pytest.mark.parametrize("name", HELD)
async def test_what_may_not_be_the_answer_is_held_back(name: str, engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(HELD[name].make(world)))

    reader = await read(engine, spec(), world.gate, is_live=False)

    assert "answer" not in reader.sent_before_the_end


@pytest.mark.parametrize("name", ["a title beside the answer", "a draft and its polish", "a supervisor"])
async def test_what_a_run_has_shown_of_a_node_makes_the_next_one_live(name: str, engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(HELD[name].make(world)))

    await read(engine, spec("one"), world.gate, is_live=False)
    world.gate.clear()
    reader = await read(engine, spec("two"), world.gate, is_live=True)

    assert reader.shown == (ANSWER,)


async def test_a_node_that_has_not_kept_its_text_is_held_back_the_next_time(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.two_calls_in_a_node(world)))

    await read(engine, spec("one"), world.gate, is_live=False)
    reader = await read(engine, spec("two"), world.gate, is_live=False)

    assert reader.shown == (ANSWER,)


async def test_the_author_may_name_the_nodes_whose_text_is_the_answer(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.declared(world), "respond"))

    reader = await read(engine, spec(), world.gate, is_live=True)

    assert (reader.shown, reader.answers) == ((ANSWER,), [ANSWER])
    assert (await engine.get_run("r")).output.strip() == ANSWER


async def test_a_node_that_is_named_and_says_nothing_has_the_states_answer(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.returned([("ai", ANSWER)])(world), "node"))

    reader = await read(engine, spec(), world.gate, is_live=True)

    assert (reader.shown, reader.answers) == ((ANSWER,), [ANSWER])


async def test_a_cached_answer_is_the_answer(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.cached(world)))

    readers = [await read(engine, spec(name), world.gate, is_live=False) for name in ("one", "two")]

    assert [each.shown for each in readers] == [(ANSWER,)] * 2
    assert (await engine.get_run("two")).output.strip() == ANSWER


@pytest.mark.parametrize("make", [a.asks_before, a.asks_after], ids=["before", "after"])
async def test_a_graph_that_asks_has_its_answer_when_it_has_ended(
    make: Callable[[a.World], AnyPregel], engine_of: Engines
) -> None:
    world = a.World()
    engine = await engine_of(graph_of(make(world)))

    asked = await read(engine, spec(), world.gate, is_live=False)
    [interrupt] = (await engine.get_run("r")).last.data["interrupts"]  # type: ignore[union-attr]  # it has ended
    world.gate.clear()
    answers = {interrupt["id"]: "yes"}
    reader = await read(
        engine, RunSpec("agent", None, "r", "r2", answers=answers), world.gate, is_live=make is a.asks_before
    )

    assert (asked.last, asked.sent) == ("interrupted", "")
    assert (reader.last, reader.shown, reader.answers) == ("finished", (ANSWER,), [ANSWER])
    assert (await engine.get_run("r2")).output.strip() == ANSWER


@pytest.mark.parametrize("options", [{"interrupt_before": ["b"]}, {"interrupt_after": ["a"]}])
async def test_a_static_breakpoint_interrupts_without_a_question(
    options: dict[str, Any], engine_of: Engines
) -> None:
    world = a.World()
    builder = a.chain(("a", a.says(a.M("A draft."))), ("b", a.says(a.M(world.answer))))
    engine = await engine_of(graph_of(builder.compile(**options)))

    reader = await read(engine, spec(), world.gate, is_live=False)

    run = await engine.get_run("r")
    assert (reader.last, run.status) == ("interrupted", "interrupted")
    assert run.last is not None
    assert run.last.data == {"interrupts": []}


async def test_an_earlier_turns_structured_response_is_not_this_ones_answer(engine_of: Engines) -> None:
    model = a.M("Hello.")

    async def node(state: a.State) -> Any:
        if len(state["messages"]) == 1:
            return {"structured_response": {"name": "Ada"}, "messages": [AIMessage("done")]}
        return {"messages": [await model.ainvoke("?")]}

    world = a.World()
    engine = await engine_of(graph_of(a.chain(("node", node)).compile()))

    for run_id in ("one", "two"):
        turn = RunSpec("agent", {"messages": [HumanMessage("hi")]}, thread_id="t", run_id=run_id)
        await read(engine, turn, world.gate, is_live=False)

    assert (await engine.get_run("one")).output == '{"name": "Ada"}'
    assert (await engine.get_run("two")).output.strip() == "Hello."


async def test_a_turn_without_an_answer_does_not_repeat_the_last_one(engine_of: Engines) -> None:
    async def node(state: a.State) -> Any:
        return {"messages": [AIMessage("only once")]} if len(state["messages"]) == 1 else {"title": "x"}

    world = a.World()
    engine = await engine_of(graph_of(a.chain(("node", node)).compile()))

    for run_id in ("one", "two"):
        turn = RunSpec("agent", {"messages": [HumanMessage("hi")]}, thread_id="t", run_id=run_id)
        reader = await read(engine, turn, world.gate, is_live=False)

    assert (reader.sent, (await engine.get_run("two")).output) == ("", "")
