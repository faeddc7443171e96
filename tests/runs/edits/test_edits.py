"""Edits of threads between runs, over real stores: updates by hand, and questions withdrawn."""

import asyncio
import operator
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.func import entrypoint
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from seltzer.errors import (
    InvalidInput,
    NotInterrupted,
    ThreadBusy,
    ThreadInterrupted,
    TooManyRuns,
    UnknownCheckpoint,
    UnknownThread,
)
from seltzer.runs.edits.updates import COPY, StateUpdate
from seltzer.runs.engine import Engine
from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.repair.open_calls import NO_RESULT
from seltzer.stores.options import Retention
from tests.runs.conftest import Engines
from tests.runs.scenario import answer, read_all, read_until, run_spec, run_to_end, texts
from tests.runs.scripted import Messages, agent

pytestmark = pytest.mark.anyio


class Steps(TypedDict):
    done: Annotated[list[str], operator.add]


def steps(**options: Any) -> AnyPregel:
    """Return a graph that does a, b and c."""
    builder = StateGraph(Steps)
    for before, name in ((START, "a"), ("a", "b"), ("b", "c")):
        builder.add_node(name, lambda state, name=name: {"done": [name]})
        builder.add_edge(before, name)
    return builder.compile(**options)


def approving() -> AnyPregel:
    """Return a graph whose tool call has to be approved."""

    async def plan(state: Messages) -> Any:
        calls = [{"name": "send", "args": {}, "id": "c1"}]
        last = state["messages"][-1]
        asks = isinstance(last, HumanMessage) and last.text == "send"
        return {"messages": [AIMessage("", tool_calls=calls) if asks else AIMessage("ok")]}

    async def send(state: Messages) -> Any:
        return {"messages": [{"role": "tool", "tool_call_id": "c1", "content": str(interrupt("may I?"))}]}

    builder = StateGraph(Messages).add_node("plan", plan).add_node("send", send).add_edge(START, "plan")
    builder.add_conditional_edges("plan", lambda state: "send" if state["messages"][-1].tool_calls else END)
    return builder.compile()


async def update(engine: Engine, values: Any, as_node: str | None = None, place: str | None = None) -> Any:
    return await engine.edits.update("agent", "t", StateUpdate(values, as_node, place))


async def newest(engine: Engine) -> Any:
    return await engine.threads.state("agent", "t")


async def done(engine: Engine) -> list[str]:
    found: list[str] = (await newest(engine)).values["done"]
    return found


async def do_steps(engine: Engine, run_id: str = "r1", **options: Any) -> None:
    await run_to_end(engine, RunSpec("agent", {"done": ["0"]}, "t", run_id, **options))


async def test_a_state_is_updated_as_a_node_and_the_graph_continues_from_there(engine_of: Engines) -> None:
    engine = await engine_of(steps())
    await do_steps(engine)
    before = await newest(engine)

    state = await update(engine, {"done": ["mine"]}, as_node="a")

    assert (state.values["done"], state.next, state.source) == (
        ["0", "a", "b", "c", "mine"],
        ("b",),
        "update",
    )
    assert state.parent_checkpoint_id == before.checkpoint_id
    await run_to_end(engine, RunSpec("agent", None, "t", "r2", checkpoint_id=state.checkpoint_id))
    assert await done(engine) == ["0", "a", "b", "c", "mine", "b", "c"]


async def test_an_update_of_an_earlier_state_begins_a_branch(engine_of: Engines) -> None:
    engine = await engine_of(steps())
    await do_steps(engine)
    states = (await engine.threads.history("agent", "t", limit=10)).states
    after_a = next(each for each in states if each.next == ("b",))

    state = await update(engine, {"done": ["mine"]}, as_node="b", place=after_a.checkpoint_id)

    assert (state.values["done"], state.next) == (["0", "a", "mine"], ("c",))
    assert (await engine.threads.state("agent", "t", states[0].checkpoint_id)).values == states[0].values


async def test_without_a_node_it_is_the_one_that_has_written_last(engine_of: Engines) -> None:
    engine = await engine_of(steps())
    await do_steps(engine)

    state = await update(engine, {"done": ["mine"]})

    assert (state.values["done"][-1], state.next) == ("mine", ())


async def test_messages_are_removed_and_replaced_by_their_ids(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["two"], ["three"]))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    await run_to_end(engine, run_spec("2", run_id="r2"))
    question, first, _, second = await engine.messages("agent", "t")

    changes = [RemoveMessage(str(question.id)), RemoveMessage(str(first.id)), AIMessage("zwei", id=second.id)]
    await update(engine, {"messages": changes})

    assert await texts(engine) == ["2", "zwei"]
    assert answer(await run_to_end(engine, run_spec("3", run_id="r3"))) == "three"


async def test_an_earlier_state_becomes_the_newest_again(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["two"], ["three"]))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    early = await newest(engine)
    await run_to_end(engine, run_spec("2", run_id="r2"))
    late = await newest(engine)

    await update(engine, None, COPY, early.checkpoint_id)

    assert await texts(engine) == ["1", "one"]
    await update(engine, None, COPY, late.checkpoint_id)
    assert await texts(engine) == ["1", "one", "2", "two"]
    await run_to_end(engine, run_spec("3", run_id="r3"))
    assert await texts(engine) == ["1", "one", "2", "two", "3", "three"]


async def test_an_edit_leaves_the_threads_newest_run_and_status_as_they_are(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], [ValueError("no")]))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    await run_to_end(engine, run_spec("2", run_id="r2"))

    await update(engine, {"messages": [AIMessage("instead")]}, "model")

    thread = await engine.threads.get("agent", "t")
    assert (thread.status, thread.run and thread.run.spec.run_id) == ("error", "r2")


async def test_at_a_breakpoint_a_state_is_updated_before_its_run_is_resumed(engine_of: Engines) -> None:
    engine = await engine_of(steps(interrupt_before=["b"]))
    await do_steps(engine)

    state = await update(engine, {"done": ["mine"]}, as_node="a")

    assert state.next == ("b",)
    assert (await engine.threads.get("agent", "t")).status == "interrupted"
    await run_to_end(engine, RunSpec("agent", None, "t", "r2", answers={}, answered="r1"))
    assert await done(engine) == ["0", "a", "mine", "b", "c"]


async def test_an_update_is_rolled_back_with_the_run_it_was_made_after(engine_of: Engines) -> None:
    engine = await engine_of(steps(interrupt_before=["b"]))
    await do_steps(engine)
    await update(engine, {"done": ["mine"]}, as_node="a")

    await do_steps(engine, "r2", on_busy="rollback")

    assert await done(engine) == ["0", "a"]


@pytest.mark.parametrize(
    ("values", "as_node", "field"),
    [
        ({"done": ["x"]}, "nobody", "as_node"),
        ({"done": ["x"]}, "", "as_node"),
        ({"done": 5}, "a", "values"),
        ("text", "a", "values"),
        (None, "a", "values"),
        (None, None, "values"),
        ({"done": ["x"]}, COPY, "values"),
        ("text", END, "values"),
        ({"nothing": 1}, END, "values"),
        ({"done": 5}, END, "values"),
    ],
)
async def test_what_no_state_accepts_is_refused_by_its_field(
    engine_of: Engines, values: Any, as_node: str | None, field: str
) -> None:
    engine = await engine_of(steps())
    await do_steps(engine)
    before = await newest(engine)

    with pytest.raises(InvalidInput) as refused:
        await update(engine, values, as_node)

    assert refused.value.field == field
    assert await newest(engine) == before
    await do_steps(engine, "r2")


async def test_states_that_are_not_there_are_not_updated(engine_of: Engines) -> None:
    engine = await engine_of(steps())
    with pytest.raises(UnknownThread):
        await update(engine, {"done": ["x"]}, "a")
    await do_steps(engine)

    with pytest.raises(UnknownCheckpoint):
        await update(engine, {"done": ["x"]}, "a", "nothing")

    assert await done(engine) == ["0", "a", "b", "c"]


async def test_a_busy_thread_is_not_edited(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half", asyncio.Event()]))
    await engine.start(run_spec("1", run_id="r1"))
    await read_until(engine.follow("r1"), "token")

    with pytest.raises(ThreadBusy):
        await update(engine, {"messages": [AIMessage("x")]}, "model")

    await engine.cancel("r1")
    await read_all(engine.follow("r1"))
    assert await texts(engine) == ["1", "half"]


async def test_an_open_question_is_not_lost_by_an_update(engine_of: Engines) -> None:
    engine = await engine_of(approving())
    await run_to_end(engine, run_spec("send", run_id="r1"))
    before = await newest(engine)

    with pytest.raises(ThreadInterrupted):
        await update(engine, {"messages": [AIMessage("x")]}, "plan")

    assert await newest(engine) == before
    answers = {before.interrupts[0]["id"]: "yes"}
    last = (await run_to_end(engine, RunSpec("agent", None, "t", "r2", answers=answers, answered="r1")))[-1]
    assert last.kind == "finished"


async def test_a_question_is_withdrawn_and_the_thread_works_again(engine_of: Engines) -> None:
    engine = await engine_of(approving())
    await run_to_end(engine, run_spec("send", run_id="r1"))

    withdrawn = await engine.edits.withdraw(await engine.get_run("r1"))

    state, thread = await newest(engine), await engine.threads.get("agent", "t")
    assert withdrawn.status == "cancelled"
    assert (state.next, state.interrupts, state.run_id) == ((), [], withdrawn.spec.run_id)
    assert (thread.status, thread.run) == ("idle", withdrawn)
    assert await texts(engine) == ["send", "", NO_RESULT]
    await run_to_end(engine, run_spec("more", run_id="r2"))
    assert await texts(engine) == ["send", "", NO_RESULT, "more", "ok"]


async def test_a_pause_at_a_breakpoint_is_withdrawn_too(engine_of: Engines) -> None:
    engine = await engine_of(steps(interrupt_before=["b"]))
    await do_steps(engine)

    await engine.edits.withdraw(await engine.get_run("r1"))

    assert ((await newest(engine)).next, await done(engine)) == ((), ["0", "a"])


async def test_only_an_open_question_is_withdrawn(engine_of: Engines) -> None:
    engine = await engine_of(approving())
    await run_to_end(engine, run_spec("hello", run_id="r0"))
    await run_to_end(engine, run_spec("send", run_id="r1"))
    asked = await engine.get_run("r1")

    with pytest.raises(NotInterrupted):
        await engine.edits.withdraw(await engine.get_run("r0"))
    await engine.edits.withdraw(asked)
    with pytest.raises(NotInterrupted):
        await engine.edits.withdraw(asked)
    state = await newest(engine)
    with pytest.raises(NotInterrupted):
        await engine.start(RunSpec("agent", None, "t", "r2", answers={"x": 1}, answered="r1"))

    assert await newest(engine) == state


async def test_an_edit_waits_for_no_place(engine_of: Engines) -> None:
    """Where as many runs are active as may be, it is refused, and the thread is as free as before."""
    gate = asyncio.Event()
    engine = await engine_of(agent(["one"], [gate, "two"], ["three"]), limits=RunLimits(runs=1))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    await engine.start(run_spec("2", run_id="r2", thread_id="other"))
    await read_until(engine.follow("r2"), "started")

    with pytest.raises(TooManyRuns):
        await update(engine, {"messages": [AIMessage("x")]}, "model")

    gate.set()
    await read_all(engine.follow("r2"))
    await run_to_end(engine, run_spec("3", run_id="r3"))
    assert await texts(engine) == ["1", "one", "3", "three"]


async def test_going_to_another_branch_adds_none_and_belongs_to_a_run(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["two"], ["three"], ["four"]))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    fork = (await newest(engine)).checkpoint_id
    await run_to_end(engine, run_spec("2", run_id="r2"))
    await run_to_end(engine, run_spec("3", run_id="r3", checkpoint_id=fork))

    for _ in range(3):
        other = (await engine.threads.branches("agent", "t", limit=10))[1]
        await update(engine, None, COPY, other.checkpoint_id)
        state = await newest(engine)
        assert (state.source, state.run_id) == ("fork", "r3")
        assert state.parent_checkpoint_id == other.checkpoint_id

    newest_branch, older = await engine.threads.branches("agent", "t", limit=10)
    assert (newest_branch.text, older.text) == ("two", "three")
    assert newest_branch.forked_from == older.forked_from == fork
    again = await engine.threads.newest_turn("agent", "t")
    await run_to_end(engine, RunSpec("agent", None, "t", "r4", checkpoint_id=again))
    assert await texts(engine) == ["1", "one", "2", "four"]


async def test_a_turn_is_taken_back_by_one_of_its_messages(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["two"], ["three"]))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    await run_to_end(engine, run_spec("2", run_id="r2"))
    first, _, _, second = [str(each.id) for each in await engine.messages("agent", "t")]

    async def take_back(message_id: str) -> None:
        await engine.edits.update("agent", "t", StateUpdate(None, COPY, None, message_id))

    await take_back(second)
    assert await texts(engine) == ["1", "one"]
    with pytest.raises(InvalidInput, match="from_message"):
        await take_back(second)
    await take_back(first)
    assert (await texts(engine), (await newest(engine)).next) == ([], ())
    await run_to_end(engine, run_spec("3", run_id="r3"))
    assert await texts(engine) == ["3", "three"]


@pytest.mark.parametrize("edits", [1, 2])
@pytest.mark.parametrize("is_retried", [False, True])
async def test_with_an_edited_turn_the_one_that_it_replaced_is_taken_back_too(
    engine_of: Engines, edits: int, is_retried: bool
) -> None:
    engine = await engine_of(agent(*([f"answer {number}"] for number in range(8))))

    async def last_message() -> str:
        return [str(each.id) for each in await engine.messages("agent", "t") if each.type == "human"][-1]

    async def edit(text: str, run_id: str) -> None:
        place = await engine.threads.turn_of("agent", "t", await last_message())
        await run_to_end(engine, run_spec(text, run_id=run_id, checkpoint_id=place))

    async def run_again(run_id: str) -> None:
        place = await engine.threads.newest_turn("agent", "t")
        await run_to_end(engine, RunSpec("agent", None, "t", run_id, checkpoint_id=place))

    async def take_back() -> None:
        await engine.edits.update("agent", "t", StateUpdate(None, COPY, None, await last_message()))

    await run_to_end(engine, run_spec("kept", run_id="first"))
    await run_to_end(engine, run_spec("replaced", run_id="second"))
    if is_retried:
        await run_again("retried")
    for number in range(edits):
        await edit(f"edit {number}", f"edit-{number}")

    await take_back()
    assert (await texts(engine), (await newest(engine)).next) == (["kept", "answer 0"], ())
    await run_again("again")
    assert (await texts(engine))[0::2] == ["kept"]

    await edit("only", "only")
    await take_back()
    assert (await texts(engine), (await newest(engine)).next) == ([], ())
    with pytest.raises(UnknownCheckpoint):
        await engine.threads.newest_turn("agent", "t")


async def test_values_are_written_without_any_edge_at_the_end_of_a_turn(engine_of: Engines) -> None:
    def where(state: Messages) -> str:
        return "model" if state["messages"][-1].text == "again" else END

    async def model(state: Messages) -> Any:
        return {"messages": [AIMessage(f"answer {len(state['messages'])}")]}

    builder = StateGraph(Messages).add_node("model", model).add_edge(START, "model")
    engine = await engine_of(builder.add_conditional_edges("model", where).compile())
    await run_to_end(engine, run_spec("again", run_id="r1"))
    await run_to_end(engine, run_spec("2", run_id="r2"))
    last = (await engine.messages("agent", "t"))[-1]

    changes = [RemoveMessage(str(last.id)), HumanMessage("again")]
    state = await update(engine, {"messages": changes}, END)

    assert await texts(engine) == ["again", "answer 1", "2", "again"]
    assert (state.next, state.run_id, state.source) == ((), "r2", "update")
    await run_to_end(engine, run_spec("3", run_id="r3"))
    assert (await texts(engine))[-2:] == ["3", "answer 5"]


async def test_values_at_the_end_of_a_turn_begin_a_branch_at_an_earlier_state(engine_of: Engines) -> None:
    engine = await engine_of(steps())
    await do_steps(engine)
    states = (await engine.threads.history("agent", "t", limit=10)).states
    after_a = next(each for each in states if each.next == ("b",))

    state = await update(engine, {"done": ["mine"]}, END, after_a.checkpoint_id)

    assert (state.values["done"], state.next) == (["0", "a", "mine"], ())


@pytest.mark.parametrize("as_node", [None, END])
async def test_what_is_written_to_a_functions_thread_is_what_its_next_run_gets(
    engine_of: Engines, as_node: str | None
) -> None:
    @entrypoint()
    async def function(number: int, *, previous: Any = None) -> int:
        return int(previous or 0) + number

    engine = await engine_of(function)
    await run_to_end(engine, RunSpec("agent", 1, "t", "r1"))

    await update(engine, 10, as_node)
    await run_to_end(engine, RunSpec("agent", 1, "t", "r2"))

    assert (await newest(engine)).values == 11


@pytest.mark.parametrize("kept", [4, 5, 6])
async def test_a_turn_whose_beginning_is_kept_is_taken_back_alone(engine_of: Engines, kept: int) -> None:
    keeping = Retention(checkpoints=kept, turns=1)
    engine = await engine_of(agent(*[[f"say {number}"] for number in range(6)]), keeping=keeping)
    for number in range(6):
        await run_to_end(engine, run_spec(f"{number}", run_id=f"r{number}"))
    await engine_of.stores(engine).checkpoints.prune("t")
    said = await texts(engine)
    before_last = (await engine.messages("agent", "t"))[-4].id

    await engine.edits.update("agent", "t", StateUpdate(None, COPY, from_message=before_last))

    assert await texts(engine) == said[:-4]
