"""Nodes with a timeout of their own, as in `add_node(.., timeout=1.0)`: since langgraph 1.2."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph import errors
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import RetryPolicy

from seltzer.runs.failure import classify
from seltzer.runs.graph import AnyPregel
from tests.runs.conftest import Engines
from tests.runs.scenario import run_spec, run_to_end, texts
from tests.runs.scripted import Messages

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not hasattr(errors, "NodeTimeoutError"), reason="this langgraph has no node timeouts"),
]
LIMIT_S = 0.02


class Slow:
    """A node that never ends for the first text, and answers the second."""

    async def __call__(self, state: Messages) -> Any:
        if len(state["messages"]) == 1:
            await asyncio.Event().wait()
        return {"messages": [AIMessage("fine")]}


def of_node(**options: Any) -> AnyPregel:
    builder = StateGraph(Messages).add_node("slow", Slow(), timeout=LIMIT_S, **options)
    return builder.add_edge(START, "slow").compile()


def of_subgraph() -> AnyPregel:
    return StateGraph(Messages).add_node("inner", of_node()).add_edge(START, "inner").compile()


def of_retried() -> AnyPregel:
    return of_node(retry_policy=RetryPolicy(max_attempts=2, initial_interval=0.001))


@pytest.mark.parametrize("graph", [of_node, of_subgraph, of_retried])
async def test_the_run_fails_with_its_code_and_may_be_tried_again(
    engine_of: Engines, graph: Callable[[], AnyPregel]
) -> None:
    engine = await engine_of(graph())

    last = (await run_to_end(engine, run_spec("1", run_id="r1")))[-1]

    assert (last.kind, last.data["code"], last.data["retryable"]) == ("failed", "node_timeout", True)
    assert (await run_to_end(engine, run_spec("2", run_id="r2")))[-1].kind == "finished"
    assert await texts(engine) == ["1", "2", "fine"]


async def test_so_does_one_of_a_task(engine_of: Engines) -> None:
    @task(timeout=LIMIT_S)  # type: ignore[arg-type]  # LangGraph's own overloads don't fit
    async def slow() -> str:
        await asyncio.Event().wait()
        return "never"

    @entrypoint()
    async def main(topic: Any) -> str:
        return await slow()

    engine = await engine_of(main)

    assert (await run_to_end(engine, run_spec("1")))[-1].data["code"] == "node_timeout"


def test_a_nodes_own_timeout_error_is_the_graphs() -> None:
    assert classify(TimeoutError("mine")).code == "graph_error"
