"""Which text is the answer of graphs of many shapes: as events, as a text stream, as the run's output."""

from collections.abc import Callable
from dataclasses import replace
from itertools import repeat
from typing import Any

import anyio
import pytest
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.types import interrupt

from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.execution.translation.answer_shape import RUNS_UNTIL_LIVE
from seltzer.runs.graph import AnyPregel, Graph
from seltzer.runs.messages.answer import BREAK, AnswerText
from seltzer.runs.run import RunSpec
from tests.runs.conftest import Engines
from tests.runs.execution import answers as a
from tests.runs.execution.shapes import ANSWER, HELD, SHAPES
from tests.runs.scenario import read_until
from tests.runs.scripted import named

pytestmark = pytest.mark.anyio


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
    """Run it; the gate opens when the answer's first word has reached a text stream, or else to a reader."""
    reader = Reader()
    with anyio.fail_after(20):
        await engine.start(spec)
        async for event in engine.follow(spec.run_id):
            reader.read(event)
            has_begun = "The answer" in reader.sent or not is_live
            if has_begun and event.kind == "token" and event.data["text"].startswith("answer"):
                gate.open()
    return reader


def spec_of(engine: Engine, run_id: str = "r") -> RunSpec:
    return replace(spec(run_id), input=engine.graphs["agent"].message_input([HumanMessage("hi")]))


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

    reader = await read(engine, spec_of(engine), world.gate, is_live=shape.is_live)

    output = (await engine.get_run("r")).output.strip()
    assert reader.last == "finished"
    assert reader.shown == shape.shown
    assert reader.answers == [shape.shown[-1]]
    assert output.replace(" ", "") == shape.shown[-1].replace(" ", "")


@pytest.mark.parametrize("name", HELD)
async def test_what_may_not_be_the_answer_is_buffered(name: str, engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(HELD[name].make(world)))

    reader = await read(engine, spec_of(engine), world.gate, is_live=False)

    assert "answer" not in reader.sent_before_the_end


@pytest.mark.parametrize(("make", "shown"), [(a.two_that_stay, ANSWER), (a.judge, a.REFUSED)])
async def test_what_may_not_be_the_answer_is_buffered_in_later_runs_too(
    make: Callable[[a.World], AnyPregel], shown: str, engine_of: Engines
) -> None:
    world = a.World()
    engine = await engine_of(graph_of(make(world)))

    readers = []
    for run_id in ("one", "two", "three", "four"):
        readers.append(await read(engine, spec_of(engine, run_id), world.gate, is_live=False))
        world.gate.close()

    assert [reader.shown for reader in readers[2:]] == [(shown,)] * 2


@pytest.mark.parametrize(
    "name",
    ["a title beside the answer", "a draft and its polish", "a supervisor", "functions with tasks"],
)
async def test_what_a_run_has_shown_of_a_node_makes_the_next_one_live(name: str, engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(HELD[name].make(world)))

    await read(engine, spec_of(engine, "one"), world.gate, is_live=False)
    world.gate.close()
    reader = await read(engine, spec_of(engine, "two"), world.gate, is_live=True)

    assert reader.shown == (ANSWER,)


async def test_a_node_that_has_not_kept_its_text_is_buffered_the_next_time(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.two_calls_in_a_node(world)))

    await read(engine, spec("one"), world.gate, is_live=False)
    reader = await read(engine, spec("two"), world.gate, is_live=False)

    assert reader.shown == (ANSWER,)


@pytest.mark.parametrize("accelerate", [True, False], ids=["in place", "plain"])
@pytest.mark.parametrize(
    "model",
    [GenericFakeChatModel(messages=repeat(AIMessage("Some words."))), a.M("Some words.")],
    ids=["on its last word", "after its last word"],
)
async def test_a_refused_draft_is_buffered_the_next_time_wherever_its_model_marks_its_end(
    model: BaseChatModel, accelerate: bool, engine_of: Engines
) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.judge_of(model)), accelerate=accelerate)

    await read(engine, spec("one"), world.gate, is_live=False)
    second = await read(engine, spec("two"), world.gate, is_live=False)

    assert second.shown == (a.REFUSED,)


async def test_words_before_a_tool_call_are_the_answer_if_none_follow(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.nothing_after_the_tool(world)))

    reader = await read(engine, spec(), world.gate, is_live=True)

    assert (reader.shown, reader.answers) == ((ANSWER,), [ANSWER])
    assert (await engine.get_run("r")).output.strip() == ANSWER


async def test_a_node_whose_draft_another_has_replaced_is_buffered_the_next_time(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.replacing_guard(world)))

    first = await read(engine, spec("one"), world.gate, is_live=False)
    second = await read(engine, spec("two"), world.gate, is_live=False)

    assert (first.shown, first.answers) == (("A bad draft.", ANSWER), [ANSWER])
    assert (second.shown, second.answers) == ((ANSWER,), [ANSWER])


async def test_a_node_that_has_kept_its_texts_since_is_live_again(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.replacing_guard(world)))
    await read(engine, spec("bad"), world.gate, is_live=False)

    held = []
    for index in range(RUNS_UNTIL_LIVE):
        held.append(await read(engine, spec(f"held{index}"), world.gate, is_live=False))
    world.gate.close()
    live = await read(engine, spec("live"), world.gate, is_live=True)

    assert [reader.sent_before_the_end for reader in held] == [""] * RUNS_UNTIL_LIVE
    assert live.shown == (ANSWER,)


async def test_a_node_whose_text_another_only_adds_to_stays_live(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.sources_after(world)))

    readers = []
    for run_id in ("one", "two"):
        readers.append(await read(engine, spec(run_id), world.gate, is_live=True))
        world.gate.close()

    for reader in readers:
        assert reader.shown == (f"{ANSWER} [1]",)
        assert reader.sent_before_the_end.strip() == ANSWER


async def test_the_author_may_name_the_nodes_whose_text_is_the_answer(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.declared(world), "respond"))

    reader = await read(engine, spec(), world.gate, is_live=True)

    assert (reader.shown, reader.answers) == ((ANSWER,), [ANSWER])
    assert (await engine.get_run("r")).output.strip() == ANSWER


async def test_a_named_node_without_text_has_the_states_answer(engine_of: Engines) -> None:
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
async def test_a_graph_that_interrupts_has_its_answer_when_it_has_ended(
    make: Callable[[a.World], AnyPregel], engine_of: Engines
) -> None:
    world = a.World()
    engine = await engine_of(graph_of(make(world)))

    asked = await read(engine, spec(), world.gate, is_live=False)
    [question] = (await engine.get_run("r")).last.data["interrupts"]  # type: ignore[union-attr]  # it has ended
    world.gate.close()
    answers = {question["id"]: "yes"}
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


async def test_a_model_that_fails_once_does_not_buffer_its_node_later(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(a.retried(world)))

    await read(engine, spec("one"), world.gate, is_live=True)
    world.gate.close()
    reader = await read(engine, spec("two"), world.gate, is_live=True)

    assert reader.shown == (ANSWER,)


def structured_then_asks() -> AnyPregel:
    """A graph whose structured response is set before a question that another run answers."""

    async def structure(state: a.State) -> Any:
        return {"structured_response": {"name": "Ada"}, "messages": [AIMessage("It is Ada.")]}

    async def approve(state: a.State) -> Any:
        return {"category": interrupt("sure?")}

    return a.chain(("structure", structure), ("approve", approve)).compile()


async def test_a_resumed_run_has_the_structured_response_of_its_turn(engine_of: Engines) -> None:
    world = a.World()
    engine = await engine_of(graph_of(structured_then_asks()))

    await read(engine, spec(), world.gate, is_live=False)
    [question] = (await engine.get_run("r")).last.data["interrupts"]  # type: ignore[union-attr]  # it has ended
    answers = {question["id"]: "yes"}
    reader = await read(engine, RunSpec("agent", None, "r", "r2", answers=answers), world.gate, is_live=False)

    assert (reader.last, reader.shown) == ("finished", ('{"name": "Ada"}',))
    assert (await engine.get_run("r2")).output == '{"name": "Ada"}'


class Structured:
    """Sets a structured response in a turn's first step, on request; its second waits for the gate."""

    def __init__(self, gate: a.Gate, *, sets: bool) -> None:
        async def structure(state: a.State) -> Any:
            return {"structured_response": {"name": "Ada"}} if sets else {"category": "none"}

        self.pregel = a.chain(
            ("structure", structure), ("say", a.says(a.M(["It is", gate, "Ada."])))
        ).compile()


@pytest.mark.parametrize(("sets", "output"), [(True, '{"name": "Ada"}'), (False, "It is Ada. ")])
async def test_a_killed_runs_structured_response_counts_in_the_next_attempt_and_an_earlier_turns_does_not(
    sets: bool, output: str, engine_of: Engines
) -> None:
    opened, closed = a.Gate(), a.Gate()
    opened.open()
    turns = [replace(spec(), run_id=name, thread_id="t") for name in ("one", "two")]
    engine = await engine_of(graph_of(Structured(opened, sets=True).pregel))
    await read(engine, turns[0], opened, is_live=False)
    engine = await engine_of(graph_of(Structured(closed, sets=sets).pregel), folder=engine_of.killed(engine))
    await engine.start(turns[1])
    await read_until(engine.follow("two"), "token")

    engine = await engine_of(graph_of(Structured(opened, sets=sets).pregel), folder=engine_of.killed(engine))
    with anyio.fail_after(20):
        events = [event async for event in engine.follow("two")]

    assert (events[-1].kind, events[-1].attempt) == ("finished", 2)
    assert (await engine.get_run("two")).output == output
    closed.open()
