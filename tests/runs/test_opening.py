"""An engine is opened, closed and opened again; one that isn't open raises."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seltzer.errors import NotOpen, ServerDraining
from seltzer.runs.engine import Engine
from seltzer.stores.open import open_stores
from tests.runs.scenario import answer, kinds, read_all, read_until, run_spec, run_to_end, spec_without_input
from tests.runs.scripted import agent, named

pytestmark = pytest.mark.anyio


def engine_in(folder: Path, *scripts: list[object]) -> Engine:
    return Engine(named(agent(*scripts)), partial(open_stores, folder))


async def test_a_closed_engine_opens_again(tmp_path: Path) -> None:
    engine = engine_in(tmp_path, ["one"], ["two"])
    await engine.open()
    await run_to_end(engine, run_spec("1", run_id="r1"))
    await engine.aclose()
    with pytest.raises(ServerDraining):
        await engine.start(run_spec(run_id="refused"))

    await engine.open()
    events = await run_to_end(engine, run_spec("2", run_id="r2"))

    assert answer(events) == "two"
    assert [message.text for message in await engine.messages("agent", "t")] == ["1", "one", "2", "two"]
    assert not engine.is_draining
    await engine.aclose()


async def test_a_run_that_was_handed_back_continues_when_the_engine_opens_again(tmp_path: Path) -> None:
    engine = engine_in(tmp_path, ["half", asyncio.Event()], ["whole"])
    await engine.open()
    await engine.start(run_spec())
    await read_until(engine.follow("r"), "token")
    await engine.aclose()

    await engine.open()
    events = await read_all(engine.follow("r"))

    assert (events[-1].attempt, kinds(events)[-1]) == (2, "finished")
    await engine.aclose()


def test_an_engine_opens_in_one_loop_after_another(tmp_path: Path) -> None:
    """As a test client does for each test."""
    engine = engine_in(tmp_path, ["one"], ["two"])

    async def once(run_id: str) -> str:
        await engine.open()
        try:
            return answer(await run_to_end(engine, run_spec(run_id=run_id)))
        finally:
            await engine.aclose()

    assert [asyncio.run(once("r1")), asyncio.run(once("r2"))] == ["one", "two"]


CALLS: dict[str, Callable[[Engine], Awaitable[object]]] = {
    "start": lambda engine: engine.start(run_spec()),
    "reserve": lambda engine: engine.reserve(spec_without_input()),
    "get_run": lambda engine: engine.get_run("r"),
    "follow": lambda engine: anext(engine.follow("r")),
    "check_cursor": lambda engine: engine.check_cursor("r"),
    "check_thread_free": lambda engine: engine.check_thread_free("t"),
    "cancel": lambda engine: engine.cancel("r"),
    "messages": lambda engine: engine.messages("agent", "t"),
    "threads": lambda engine: engine.threads.get("agent", "t"),
}


@pytest.mark.parametrize("call", CALLS)
async def test_an_engine_that_was_never_opened_raises_with_what_to_do(tmp_path: Path, call: str) -> None:
    engine = engine_in(tmp_path, ["one"])

    with pytest.raises(NotOpen, match="run the app's lifespan, or await engine"):
        await CALLS[call](engine)

    await engine.aclose()  # does nothing


async def test_the_loop_has_its_own_task_factory_again_once_the_last_engine_is_closed(
    tmp_path: Path,
) -> None:
    loop, created = asyncio.get_running_loop(), []

    def own(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        created.append(coro)
        return asyncio.Task(coro, loop=loop, **options)

    loop.set_task_factory(own)
    first, second = (engine_in(tmp_path / name, ["hi"]) for name in ("first", "second"))
    await first.open()
    await second.open()

    await run_to_end(first, run_spec())
    await first.aclose()
    between = loop.get_task_factory()
    await run_to_end(second, run_spec())
    await second.aclose()

    assert between is not own  # the second one's runs need it
    assert loop.get_task_factory() is own
    assert created
    loop.set_task_factory(None)
