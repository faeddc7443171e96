"""A graph that wants to end the process ends its run."""

import asyncio
import inspect
import sys
import weakref
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode

from seltzer.runs.execution.isolation.exits import GraphExited, contained, install
from seltzer.runs.graph import AnyPregel
from tests.runs.scripted import Messages

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def installed() -> AsyncIterator[None]:
    """The loop contains for as long as the test takes."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    install(loop)
    yield
    loop.set_task_factory(before)


def graph_of(*nodes: Any) -> AnyPregel:
    builder = StateGraph(Messages)
    for index, node in enumerate(nodes):
        builder.add_node(f"n{index}", node)
        builder.add_edge(f"n{index - 1}" if index else START, f"n{index}")
    builder.add_edge(f"n{len(nodes) - 1}", END)
    return builder.compile()


async def run(pregel: AnyPregel) -> None:
    """Run the graph as the engine does: in a task of its own, in a contained context."""
    task = asyncio.create_task(_ran(pregel), context=contained())
    with anyio.fail_after(10):
        await task


async def _ran(pregel: AnyPregel) -> None:
    async for _ in pregel.astream({"messages": [HumanMessage("hi")]}, stream_mode=["messages", "updates"]):
        pass


async def leave_async(state: Messages) -> None:
    sys.exit("goodbye")


def leave_sync(state: Messages) -> None:
    raise KeyboardInterrupt


async def leave_later(state: Messages) -> None:
    async def leave() -> None:
        await asyncio.get_running_loop().run_in_executor(None, sys.exit, 3)

    await asyncio.gather(leave(), asyncio.Event().wait())


@tool
async def async_tool() -> str:
    """Leave."""
    sys.exit()


@tool
def sync_tool() -> str:
    """Leave."""
    sys.exit()


def calling(called: BaseTool) -> list[Any]:
    async def call(state: Messages) -> Any:
        return {"messages": [AIMessage("", tool_calls=[{"name": called.name, "args": {}, "id": "c"}])]}

    return [call, ToolNode([called])]


@pytest.mark.parametrize(
    "nodes",
    [
        [leave_async],
        [leave_sync],
        [leave_later],
        calling(async_tool),
        calling(sync_tool),
        [graph_of(leave_async)],
    ],
    ids=["async node", "sync node", "task of a node", "async tool", "sync tool", "subgraph"],
)
async def test_an_exit_anywhere_in_a_graph_fails_its_run_and_the_loop_continues(nodes: list[Any]) -> None:
    with pytest.raises(GraphExited, match=r"SystemExit|KeyboardInterrupt"):
        await run(graph_of(*nodes))

    await asyncio.create_task(anyio.lowlevel.checkpoint())


async def test_other_errors_and_answers_pass_as_they_are() -> None:
    async def fail() -> None:
        raise ValueError("as it is")

    async def answer() -> int:
        await anyio.lowlevel.checkpoint()
        return 7

    with pytest.raises(ValueError, match="as it is"):
        await asyncio.create_task(fail(), context=contained())
    assert await asyncio.create_task(answer(), context=contained()) == 7
    assert await asyncio.create_task(answer(), name="n") == 7


async def test_a_cancelled_task_is_cancelled_before_its_first_step_and_later() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    never, later = (asyncio.create_task(wait(), context=contained()) for _ in range(2))
    never.cancel()
    with anyio.fail_after(5):
        await begun.wait()
        later.cancel()
        await asyncio.wait([never, later])

    assert never.cancelled()
    assert later.cancelled()
    assert ended.is_set()


async def test_an_object_that_is_not_a_coroutine_is_refused_as_elsewhere() -> None:
    async def make() -> None:
        asyncio.get_running_loop().create_task(5)  # type: ignore[arg-type]  # that is the point

    with pytest.raises(TypeError):
        await asyncio.create_task(make(), context=contained())


async def test_a_task_keeps_nothing_of_the_context_that_it_was_made_in() -> None:
    class Request:
        pass

    ours: ContextVar[Request | None] = ContextVar("ours")

    async def wait() -> None:
        await asyncio.Event().wait()

    request = Request()
    gone, before = weakref.ref(request), ours.set(request)
    task = asyncio.create_task(wait(), context=contained())
    ours.reset(before)
    del request, before

    assert gone() is None
    task.cancel()
    await asyncio.wait([task])


async def test_an_exit_in_answer_to_a_cancellation_is_contained_too() -> None:
    begun = asyncio.Event()

    async def leave() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            sys.exit()

    task = asyncio.create_task(leave(), context=contained())
    await begun.wait()
    task.cancel()

    with pytest.raises(GraphExited):
        await task


async def test_other_tasks_are_created_by_the_loops_former_factory() -> None:
    loop, made = asyncio.get_running_loop(), []

    def make(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coro)
        return asyncio.Task(coro, loop=loop, **options)

    async def nothing() -> None: ...

    loop.set_task_factory(make)
    install(loop)
    once = loop.get_task_factory()
    install(loop)

    outside = nothing()
    await asyncio.create_task(outside)
    await asyncio.create_task(inside := nothing(), context=contained())

    assert loop.get_task_factory() is once
    assert made[0] is outside
    assert made[1] is not inside


async def test_the_former_factory_may_await_the_coroutine_or_close_it() -> None:
    loop, closed = asyncio.get_running_loop(), asyncio.Event()

    def make(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        async def around() -> Any:
            if closed.is_set():
                return coro.close()
            return await coro

        return asyncio.Task(around(), loop=loop, **options)

    async def leave() -> None:
        sys.exit()

    loop.set_task_factory(make)
    install(loop)

    with pytest.raises(GraphExited):
        await asyncio.create_task(leave(), context=contained())
    closed.set()
    await asyncio.create_task(leave(), context=contained())
    closed.clear()


@pytest.mark.parametrize("wraps", [True, False])
async def test_a_factory_that_is_set_later_creates_the_tasks_and_they_stay_contained(wraps: bool) -> None:
    loop, created = asyncio.get_running_loop(), []
    ours = loop.get_task_factory()

    def create(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
        created.append(coro)
        return ours(loop, coro, **options) if wraps and ours else asyncio.Task(coro, loop=loop, **options)

    loop.set_task_factory(create)

    for _ in range(2):
        with pytest.raises(GraphExited):
            await run(graph_of(leave_async))
    assert created


async def test_a_contained_task_still_shows_what_it_runs() -> None:
    async def named() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(named(), context=contained())
    coro: Any = task.get_coro()

    assert inspect.getcoroutinestate(coro) == inspect.CORO_CREATED
    assert "named" in repr(task)
    task.cancel()
    await asyncio.wait([task])
