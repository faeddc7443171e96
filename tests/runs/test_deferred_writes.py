"""Runs that end, or are killed, while what nobody waits for isn't in the file yet."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph

from seltzer.errors import StorageFailed
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.graph import AnyPregel
from seltzer.stores.sqlite.files import FILE_NAME
from tests.runs.conftest import Engines
from tests.runs.scenario import kinds, read_all, run_spec, run_to_end, texts
from tests.runs.scripted import Messages, agent, call
from tests.stores.conversing import rows

pytestmark = pytest.mark.anyio

STEPS = """
SELECT json_extract(CAST(metadata AS TEXT), '$.step') FROM checkpoints
WHERE json_extract(CAST(metadata AS TEXT), '$.run_id') = ? ORDER BY seq
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@asynccontextmanager
async def locked(folder: Path) -> AsyncIterator[None]:
    """Have nothing be written to the folder's file until the block ends, which must be soon."""
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


class Gated:
    """A graph that echoes; its node reports that it has begun, and ends when it may."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.begun: list[list[str]] = []
        self.has_begun, self.may_end = asyncio.Event(), asyncio.Event()
        if is_open:
            self.may_end.set()
        builder = StateGraph(Messages)
        builder.add_node("say", self._say)
        builder.add_edge(START, "say")
        self.pregel: AnyPregel = builder.compile()

    async def _say(self, state: Messages) -> Any:
        self.begun.append([message.text for message in state["messages"]])
        self.has_begun.set()
        await self.may_end.wait()
        return {"messages": [AIMessage(f"you said {state['messages'][-1].text}")]}


def steps(folder: Path, run_id: str) -> list[int]:
    return [step for (step,) in rows(folder / FILE_NAME, STEPS, (run_id,))]


async def record(engine: Engine, recorded: list[Event]) -> None:
    """Add the run's events."""
    with anyio.fail_after(10):
        async for event in engine.follow("r"):
            recorded.append(event)


@pytest.mark.parametrize("turns", [[], ["0"]], ids=["on a new thread", "on one that has a turn"])
async def test_a_run_that_is_killed_before_its_input_is_stored_begins_again_from_it(
    engine_of: Engines, folder: Path, turns: list[str]
) -> None:
    before = [text for turn in turns for text in (turn, f"you said {turn}")]
    gated = Gated()
    engine = await engine_of(gated.pregel)
    for turn in turns:
        await run_to_end(engine, run_spec(turn, run_id=f"r{turn}"))
    gated.has_begun.clear()
    gated.may_end.clear()
    await engine.start(run_spec("1"))
    async with locked(folder):
        with anyio.fail_after(10):
            await gated.has_begun.wait()
        killed = engine_of.killed(engine)
    was_stored = steps(killed, "r")

    again = Gated()
    engine = await engine_of(again.pregel, folder=killed)
    events = await read_all(engine.follow("r"))

    assert was_stored == []
    assert again.begun == [[*before, "1"]]
    assert (events[-1].kind, events[-1].attempt) == ("finished", 2)
    assert await texts(engine) == [*before, "1", "you said 1"]
    gated.may_end.set()


async def test_a_run_that_is_killed_with_its_input_stored_continues_from_there(
    engine_of: Engines, folder: Path
) -> None:
    gated = Gated(is_open=False)
    engine = await engine_of(gated.pregel)
    await engine.start(run_spec("1"))
    with anyio.fail_after(10):
        await gated.has_begun.wait()
    await engine.threads.state("agent", "t")  # a read sees all that was posted
    killed = engine_of.killed(engine)
    was_stored = steps(killed, "r")

    again = Gated()
    engine = await engine_of(again.pregel, folder=killed)
    await read_all(engine.follow("r"))

    assert was_stored == [-1, 0]
    assert again.begun == [["1"]]
    assert await texts(engine) == ["1", "you said 1"]


async def test_a_run_whose_end_can_not_be_stored_has_not_ended_and_is_finished_by_the_next_process(
    engine_of: Engines, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await engine_of(agent([call("double", '{"x": 21}')], ["42"]))
    rows(
        folder / FILE_NAME,
        "CREATE TRIGGER fail BEFORE INSERT ON checkpoints WHEN"
        " json_extract(CAST(new.metadata AS TEXT), '$.step') = 3 BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    await engine.start(run_spec("1"))
    recorded: list[Event] = []
    with pytest.raises(StorageFailed):
        await record(engine, recorded)
    run = await engine.get_run("r")
    await engine.aclose()
    stored = steps(folder, "r")
    rows(folder / FILE_NAME, "DROP TRIGGER fail")

    engine = await engine_of(agent(["never said: the node had ended"]))
    events = await read_all(engine.follow("r"))

    assert "finished" not in kinds(recorded)
    assert run.status == "running"
    assert stored == [-1, 0, 1, 2]
    assert (events[-1].kind, events[-1].attempt) == ("finished", 2)
    assert await texts(engine) == ["1", "", "42", "42"]
    assert (await engine.get_run("r")).output == "42"
    assert "can't be stored" in caplog.text


async def test_who_has_seen_a_runs_last_event_finds_all_of_it_stored(
    engine_of: Engines, folder: Path
) -> None:
    engine = await engine_of(agent([call("double", '{"x": 21}')], ["42"], *[["hi"]] * 9))

    for n in range(10):
        await run_to_end(engine, run_spec("1", run_id=f"r{n}", thread_id=f"t{n}"))
        stored = steps(folder, f"r{n}")
        status = rows(folder / FILE_NAME, "SELECT status FROM runs WHERE run_id = ?", (f"r{n}",))

        assert stored == ([-1, 0, 1] if n else [-1, 0, 1, 2, 3])
        assert status == [("success",)]
