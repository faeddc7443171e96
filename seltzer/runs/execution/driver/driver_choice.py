"""Which way the graphs are run: in place, or by LangGraph's own stream where that can't be trusted.

The in-place way relies on private names of LangGraph. One that is gone is noticed when it is looked up, one
that behaves otherwise by a small graph that is run both ways before the server accepts requests.
"""

import asyncio
import logging
from contextvars import Context
from typing import Any, Final

from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore
from langsmith.run_helpers import tracing_context
from typing_extensions import TypedDict

from seltzer.runs.execution.driver.graph_driver import MissingName, in_place_driver
from seltzer.runs.execution.driver.graph_stream import Drive, Part, drive_stream
from seltzer.runs.graph import AnyPregel

log = logging.getLogger(__name__)

TRIAL_S: Final = 10.0
_CONTEXT: Final = {"name": "trial"}


async def choose_driver(*, accelerate: bool) -> Drive:
    """Return the in-place driver if that is wanted and does what LangGraph's own stream does.

    Logs one warning that says why if it is wanted and isn't used.
    """
    if not accelerate:
        return drive_stream
    try:
        driver = in_place_driver()
    except MissingName as missing:
        log.warning("streaming by LangGraph's own stream, which is slower: %s is missing", missing)
        return drive_stream
    # A task in an empty context: the trial is no part of whatever opens the engine.
    difference = await asyncio.create_task(_difference(driver), name="try the driver", context=Context())
    if difference is None:
        return driver
    log.warning("streaming by LangGraph's own stream, which is slower: in place, %s", difference)
    return drive_stream


async def _difference(driver: Drive) -> str | None:
    """Return how the driver's parts differ from the plain way's; None if they don't."""
    with tracing_context(enabled=False):
        try:
            async with asyncio.timeout(TRIAL_S):
                plain, in_place = await _parts(drive_stream), await _parts(driver)
        except Exception as error:  # noqa: BLE001  # another release may raise anything
            return f"a trial run raised {error!r}"
    for mine, theirs in zip(in_place, plain, strict=False):
        if mine != theirs:
            return f"a part of a trial run is {mine!r} instead of {theirs!r}"
    if len(in_place) != len(plain):
        return f"a trial run had {len(in_place)} parts instead of {len(plain)}"
    return None


class _State(TypedDict, total=False):
    answer: BaseMessage


class _Context(TypedDict):
    name: str


def _trial_graph() -> AnyPregel:
    """Return a graph with what a stream is made of: a subgraph, a model's chunks, a writer, a runtime."""
    model = FakeListChatModel(responses=["ab"])
    store = InMemoryStore()

    async def node(state: _State, runtime: Runtime[Any]) -> _State:
        get_stream_writer()([runtime.store is store, runtime.context])
        answer = await model.ainvoke("?")
        runtime.stream_writer("written")
        return {"answer": answer}

    inner = StateGraph(_State).add_node("node", node).add_edge(START, "node").compile()
    outer = StateGraph(_State, context_schema=_Context).add_node("inner", inner).add_node("node", node)
    return outer.add_edge(START, "inner").add_edge("inner", "node").compile(InMemorySaver(), store=store)


async def _parts(drive: Drive) -> list[Any]:
    parts: list[Part] = []
    config: RunnableConfig = {"configurable": {"thread_id": "trial"}}
    async for _ in drive(_trial_graph(), {}, config, parts.append, context=_CONTEXT):
        pass
    return [_comparable(part) for part in parts]


def _comparable(part: Part) -> Any:
    """Return the part without ids, which are new each time."""
    namespace, mode, value = part
    if mode == "messages":
        message, metadata = value
        value = (type(message).__name__, message.text, metadata.get("langgraph_node"))
    return tuple(each.partition(":")[0] for each in namespace), mode, _texts(value)


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _texts(each) for key, each in value.items()}
    return value.text if isinstance(value, BaseMessage) else value
