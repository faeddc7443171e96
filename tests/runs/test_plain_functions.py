"""Nodes, tools and edges that are plain functions, and that sleep: nothing else waits for them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph

from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.graph import AnyPregel
from tests.runs.conftest import Engines
from tests.runs.scenario import read_all, run_spec, run_to_end
from tests.runs.scripted import Messages, agent, call, named

pytestmark = pytest.mark.anyio
SLEEPERS = 100


class Gate:
    """Where functions sleep until it is opened."""

    def __init__(self) -> None:
        self._opened, self._arrivals = threading.Event(), threading.Semaphore(0)

    def sleep(self) -> None:
        self._arrivals.release()
        assert self._opened.wait(60)

    async def wait_for(self, number: int) -> None:
        """Wait until so many sleep, without a thread of the loop's."""
        with anyio.fail_after(50):
            while number:
                if self._arrivals.acquire(blocking=False):
                    number -= 1
                else:
                    await anyio.lowlevel.checkpoint()

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open()


def sleeping_node(gate: Gate) -> AnyPregel:
    def sleep(state: Messages) -> Any:
        gate.sleep()
        return {"messages": [AIMessage("awake")]}

    return StateGraph(Messages).add_node("sleep", sleep).add_edge(START, "sleep").compile()


def sleeping_edge(gate: Gate) -> AnyPregel:
    def where(state: Messages) -> str:
        gate.sleep()
        return END

    async def answer(state: Messages) -> Any:
        return {"messages": [AIMessage("awake")]}

    builder = StateGraph(Messages).add_node("answer", answer).add_edge(START, "answer")
    return builder.add_conditional_edges("answer", where, [END]).compile()


def sleeping_tool(gate: Gate) -> AnyPregel:
    @tool
    def double(x: int) -> str:
        """Double it."""
        gate.sleep()
        return "2"

    call_it = [call("double", '{"x": 1}')]
    return agent(*[call_it] * SLEEPERS, *[["awake"]] * SLEEPERS, tools=[double])


@pytest.mark.parametrize("sleeping", [sleeping_node, sleeping_edge, sleeping_tool])
async def test_a_hundred_that_sleep_leave_the_other_runs_and_the_loop_alone(
    engine_of: Engines, gate: Gate, sleeping: Callable[[Gate], AnyPregel]
) -> None:
    quick = StateGraph(Messages).add_node("say", lambda state: {"messages": [AIMessage("hello")]})
    graphs = {
        **named(sleeping(gate), "sleeping"),
        **named(quick.add_edge(START, "say").compile(), "quick"),
    }
    engine = await engine_of(graphs)
    for number in range(SLEEPERS):
        await engine.start(run_spec(graph="sleeping", thread_id=f"t{number}", run_id=f"r{number}"))
    await gate.wait_for(SLEEPERS)

    with anyio.fail_after(20):
        last = (await run_to_end(engine, run_spec(graph="quick", thread_id="q", run_id="q")))[-1]
        resolved = await asyncio.get_running_loop().run_in_executor(None, threading.current_thread)
    gate.open()

    assert last.kind == "finished"
    assert not resolved.name.startswith("node")
    assert (await read_all(engine.follow("r0")))[-1].kind == "finished"


async def test_functions_beyond_the_limit_wait_for_a_thread(engine_of: Engines, gate: Gate) -> None:
    engine = await engine_of(sleeping_node(gate), limits=RunLimits(threads=1))
    for number in range(2):
        await engine.start(run_spec(thread_id=f"t{number}", run_id=f"r{number}"))
    await gate.wait_for(1)

    gate.open()

    assert [(await read_all(engine.follow(f"r{number}")))[-1].kind for number in range(2)] == ["finished"] * 2
