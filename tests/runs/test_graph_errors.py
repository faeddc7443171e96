"""Whatever a graph raises, and wherever: its run ends, once, and its thread is free."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph import errors
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode

from seltzer.runs.event import TERMINAL_KINDS
from seltzer.runs.graph import AnyPregel
from tests.runs.conftest import Engines
from tests.runs.scenario import answer, kinds, run_spec, run_to_end
from tests.runs.scripted import Messages, ScriptedModel, agent

pytestmark = pytest.mark.anyio

Error = Callable[[], BaseException]
TELLS_WHO_CANCELLED = hasattr(errors, "NodeCancelledError")


class Odd(BaseException):
    """No Exception."""


ERRORS: dict[str, Error] = {
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
    "StopIteration": StopIteration,
    "StopAsyncIteration": StopAsyncIteration,
    "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "BaseException": Odd,
    "group": lambda: BaseExceptionGroup("odd", [GeneratorExit(), Odd()]),
    "group of cancellations": lambda: BaseExceptionGroup("odd", [asyncio.CancelledError()]),
}


def graph_of(node: Any) -> AnyPregel:
    return StateGraph(Messages).add_node("node", node).add_edge(START, "node").compile()


def of_node(error: Error) -> AnyPregel:
    async def node(state: Messages) -> Any:
        if len(state["messages"]) == 1:
            raise error()
        return {"messages": [AIMessage("fine")]}

    return graph_of(node)


def of_function(error: Error) -> AnyPregel:
    def node(state: Messages) -> Any:
        if len(state["messages"]) == 1:
            raise error()
        return {"messages": [AIMessage("fine")]}

    return graph_of(node)


def of_subgraph(error: Error) -> AnyPregel:
    return graph_of(of_node(error))


def of_node_beside_another(error: Error) -> AnyPregel:
    async def node(state: Messages) -> Any:
        if len(state["messages"]) == 1:
            raise error()
        return {"messages": [AIMessage("fine")]}

    async def other(state: Messages) -> Any:
        if len(state["messages"]) == 1:
            await asyncio.Event().wait()

    builder = StateGraph(Messages).add_node("node", node).add_node("other", other)
    return builder.add_edge(START, "node").add_edge(START, "other").compile()


def of_tool(error: Error) -> AnyPregel:
    @tool
    async def odd(x: int) -> str:
        """Raise something."""
        raise error()

    async def model(state: Messages) -> Any:
        if len(state["messages"]) == 1:
            call = {"name": "odd", "args": {"x": 1}, "id": "c1"}
            return {"messages": [AIMessage("", tool_calls=[call])]}
        return {"messages": [AIMessage("fine")]}

    builder = StateGraph(Messages).add_node("model", model)
    builder.add_node("tools", ToolNode([odd], handle_tool_errors=False))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    return builder.add_edge("tools", END).compile()


def of_model(error: Error) -> AnyPregel:
    return agent([error()], ["fine"])


def of_callback(error: Error) -> AnyPregel:
    class Raising(AsyncCallbackHandler):
        raise_error = True

        async def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            raise error()

    model = ScriptedModel(scripts=[["never"], ["never"], ["never"]])

    async def node(state: Messages) -> Any:
        if len(state["messages"]) == 1:
            return {"messages": [await model.ainvoke("hi", {"callbacks": [Raising()]})]}
        return {"messages": [AIMessage("fine")]}

    return graph_of(node)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(
    "graph",
    [of_node, of_function, of_subgraph, of_node_beside_another, of_tool, of_model, of_callback],
    ids=lambda make: make.__name__,
)
async def test_the_run_ends_once_and_its_thread_is_free(
    engine_of: Engines, graph: Callable[[Error], AnyPregel], error: str
) -> None:
    if (graph, error) == (of_node_beside_another, "CancelledError") and not TELLS_WHO_CANCELLED:
        pytest.skip("this LangGraph takes it for a cancellation of its own, and waits for the other node")
    engine = await engine_of(graph(ERRORS[error]))

    events = await run_to_end(engine, run_spec(run_id="r1"))
    again = await run_to_end(engine, run_spec(run_id="r2"))

    assert (events[-1].kind, events[-1].data["code"]) == ("failed", "graph_error")
    assert [kind for kind in kinds(events) if kind in TERMINAL_KINDS] == ["failed"]
    assert (kinds(again)[-1], answer(again)) == ("finished", "fine")
    assert (await engine.get_run("r1")).status == "error"
