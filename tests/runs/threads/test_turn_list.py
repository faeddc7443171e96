"""The turns of a thread's newest branch, and the runs that have written each of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.func import entrypoint
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from seltzer.errors import UnknownCheckpoint
from seltzer.runs.edits.updates import COPY, StateUpdate
from seltzer.runs.engine import Engine
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.turn_list import Turn, TurnPage
from tests.runs.conftest import Engines
from tests.runs.scenario import read_until, run_to_end, spec_answering
from tests.runs.scripted import Messages, ScriptedModel, agent

pytestmark = pytest.mark.anyio

LONG = "x" * 500


class Count(TypedDict):
    count: int
    name: str


def asked(run_id: str, **options: Any) -> RunSpec:
    return RunSpec("agent", {"messages": [HumanMessage("hi", id=f"of {run_id}")]}, "t", run_id, **options)


def again(run_id: str, message_id: str = "") -> RunSpec:
    return RunSpec("agent", None, "t", run_id, from_message=message_id)


async def page(engine: Engine, *, limit: int = 10, before: str | None = None) -> TurnPage:
    return await engine.threads.turns("agent", "t", limit=limit, before=before, limit_bytes=1_000)


async def turns(engine: Engine) -> list[Turn]:
    return [*(await page(engine)).turns]


async def written(engine: Engine) -> list[tuple[list[str], list[str]]]:
    """Return the messages and the runs of each turn, the newest first."""
    return [([*each.input.message_ids], [run.run_id for run in each.runs]) for each in await turns(engine)]


async def copy(engine: Engine, checkpoint_id: str | None) -> None:
    await engine.edits.update("agent", "t", StateUpdate(None, COPY, checkpoint_id))


async def test_each_turn_has_its_messages_and_its_run(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["two"]))
    for run_id in ("a", "b"):
        await run_to_end(engine, asked(run_id))

    assert await written(engine) == [(["of b"], ["b"]), (["of a"], ["a"])]
    assert [each.runs[0].is_whole and not each.is_edited for each in await turns(engine)] == [True, True]


async def test_pages_are_all_turns_once(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["two"], ["three"]))
    for run_id in ("a", "b", "c"):
        await run_to_end(engine, asked(run_id))

    first = await page(engine, limit=2)
    second = await page(engine, limit=2, before=first.next_before)

    found = [each.input.message_ids for each in (*first.turns, *second.turns)]
    assert (found, second.next_before) == ([["of c"], ["of b"], ["of a"]], None)
    with pytest.raises(UnknownCheckpoint):
        await page(engine, before="00000000-0000-6000-8000-000000000000")


async def test_a_turn_that_was_run_again_or_edited_has_the_new_run_alone(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["two"], ["again"], ["other"]))
    for run_id in ("a", "b"):
        await run_to_end(engine, asked(run_id))

    await run_to_end(engine, again("c"))
    assert await written(engine) == [(["of b"], ["c"]), (["of a"], ["a"])]
    await run_to_end(engine, asked("d", from_message="of a"))

    assert await written(engine) == [(["of d"], ["d"])]


async def test_a_turn_whose_run_has_failed_has_it_and_what_replaces_it_hasnt(engine_of: Engines) -> None:
    engine = await engine_of(agent([ValueError("no")], ["yes"]))
    await run_to_end(engine, asked("a"))
    assert await written(engine) == [(["of a"], ["a"])]

    await run_to_end(engine, again("b"))

    assert await written(engine) == [(["of a"], ["b"])]


async def test_a_run_that_continues_after_a_failure_follows_the_one_that_failed(engine_of: Engines) -> None:
    engine = await engine_of(agent([ValueError("no")], ["yes"]))
    await run_to_end(engine, asked("a"))
    failed = (await engine.threads.state("agent", "t")).checkpoint_id

    await run_to_end(engine, RunSpec("agent", None, "t", "b", checkpoint_id=failed))

    assert await written(engine) == [(["of a"], ["a", "b"])]


async def test_a_run_that_was_stopped_belongs_to_its_turn_alone(engine_of: Engines) -> None:
    """It stays the thread's newest run after a change to the other branch, and has no part in that."""
    gate = asyncio.Event()
    model = ScriptedModel(scripts=[["one"], ["half ", gate], ["half ", gate]])
    engine = await engine_of(agent(model=model))
    await run_to_end(engine, asked("a"))
    whole = (await engine.threads.state("agent", "t")).checkpoint_id

    for spec in (again("b"), asked("c")):
        await engine.start(spec)
        events = engine.follow(spec.run_id)
        await read_until(events, "token")
        await engine.cancel(spec.run_id)
        await read_until(events, "cancelled")
    assert await written(engine) == [(["of c"], ["c"]), (["of a"], ["b"])]
    await copy(engine, whole)

    assert await written(engine) == [(["of a"], ["a"])]


async def test_answers_to_interrupts_belong_to_the_turn_that_asked(engine_of: Engines) -> None:
    def ask(state: Messages) -> dict[str, Any]:
        return {"messages": [AIMessage(f"{interrupt('one?')} {interrupt('two?')}")]}

    engine = await engine_of(StateGraph(Messages).add_node("ask", ask).add_edge(START, "ask").compile())
    last = (await run_to_end(engine, asked("a")))[-1]
    for run_id in ("b", "c"):
        spec = spec_answering({last.data["interrupts"][0]["id"]: "yes"}, run_id=run_id)
        last = (await run_to_end(engine, spec))[-1]
    await run_to_end(engine, asked("d"))

    found = await written(engine)

    assert found[0] == (["of d"], ["d"])
    assert found[1][0] == ["of a"]
    assert [found[1][1][0], found[1][1][-1]] == ["a", "c"]


async def test_a_run_of_which_the_branch_has_only_a_part_is_marked(engine_of: Engines) -> None:
    builder = StateGraph(Messages)
    for name in ("one", "two"):
        builder.add_node(name, lambda state, name=name: {"messages": [AIMessage(name)]})
    engine = await engine_of(builder.add_edge(START, "one").add_edge("one", "two").compile())
    await run_to_end(engine, asked("a"))
    states = (await engine.threads.history("agent", "t", limit=10)).states
    middle = next(each.checkpoint_id for each in states if each.next == ("two",))

    await run_to_end(engine, RunSpec("agent", None, "t", "b", checkpoint_id=middle))

    (turn,) = await turns(engine)
    assert [(each.run_id, each.is_whole) for each in turn.runs] == [("a", False), ("b", True)]


async def test_a_turn_that_was_edited_by_hand_is_marked(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["two"]))
    await run_to_end(engine, asked("a"))
    first = (await engine.threads.state("agent", "t")).checkpoint_id
    await run_to_end(engine, asked("b"))

    await engine.edits.update(
        "agent", "t", StateUpdate({"messages": [AIMessage("more")]}, checkpoint_id=first)
    )

    assert await written(engine) == [(["of a"], ["a"])]
    assert [each.is_edited for each in await turns(engine)] == [True]


async def test_inputs_without_messages_are_shown_if_they_are_short(engine_of: Engines) -> None:
    builder = StateGraph(Count).add_node("add", lambda state: {"count": state["count"] + 1})
    engine = await engine_of(builder.add_edge(START, "add").compile())
    for run_id, name in (("a", "Ada"), ("b", LONG)):
        await run_to_end(engine, RunSpec("agent", {"count": 1, "name": name}, "t", run_id))

    shown = [(each.input.rest, each.input.is_omitted) for each in await turns(engine)]

    assert shown == [(None, True), ({"count": 1, "name": "Ada"}, False)]


async def test_the_input_of_a_function_is_shown(engine_of: Engines) -> None:
    @entrypoint()
    async def spell(word: str) -> list[str]:
        return list(word)

    engine = await engine_of(spell)
    await run_to_end(engine, RunSpec("agent", "soda", "t", "a"))

    (turn,) = await turns(engine)

    assert (turn.input.rest, turn.input.message_ids, turn.runs[0].run_id) == ("soda", [], "a")


async def test_a_list_of_messages_is_shown_by_their_ids(engine_of: Engines) -> None:
    @entrypoint()
    async def echo(messages: list[Any]) -> Any:
        return messages[-1]

    pregel: AnyPregel = echo
    engine = await engine_of(pregel)
    await run_to_end(engine, RunSpec("agent", [HumanMessage("hi", id="m")], "t", "a"))

    (turn,) = await turns(engine)

    assert (turn.input.message_ids, turn.input.rest) == (["m"], None)
