"""What is carried of a caller's context: by a run its request's trace, by the process's own work nothing."""

import asyncio
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, cast

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, StateGraph
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Checkpoints, EventLog, Runs, Stores
from tests.patience import PATIENCE_S
from tests.runs.conftest import Engines
from tests.runs.scenario import begin, read_all, read_until, run_spec, run_to_end, spec_without_input
from tests.runs.scripted import Messages, agent

pytestmark = pytest.mark.anyio

CALLER: ContextVar[str] = ContextVar("caller", default="nobody")


class Traces:
    """A tracer, and the spans that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("tests")

    def span(self, name: str) -> ReadableSpan:
        return next(span for span in self._exporter.get_finished_spans() if span.name == name)

    def parent_of(self, name: str) -> str | None:
        parent = self.span(name).parent
        spans = self._exporter.get_finished_spans()
        return next(
            (s.name for s in spans if parent and s.context and s.context.span_id == parent.span_id), None
        )

    def graph(self, gate: asyncio.Event | None = None) -> AnyPregel:
        """Return a graph whose node has a span named after its last message."""

        async def node(state: Messages) -> Any:
            text = state["messages"][-1].text
            with self.tracer.start_as_current_span(f"node of {text}"):
                if gate is not None:
                    await gate.wait()
            return {"messages": [AIMessage("ok")]}

        return StateGraph(Messages).add_node("node", node).add_edge(START, "node").compile()


class Recording:
    """A port of the stores that keeps who called it."""

    def __init__(self, port: Any, callers: set[tuple[str, str]], appended: asyncio.Event) -> None:
        self._port = port
        self._callers = callers
        self._appended = appended

    def __getattr__(self, verb: str) -> Any:
        async def call(*given: Any, **named: Any) -> Any:
            self._callers.add((verb, CALLER.get()))
            if verb == "append":
                self._appended.set()
            return await getattr(self._port, verb)(*given, **named)

        return call if asyncio.iscoroutinefunction(getattr(self._port, verb)) else getattr(self._port, verb)


async def test_a_run_sees_nothing_of_its_callers_variables(engine_of: Engines) -> None:
    seen: list[str] = []

    async def node(state: Messages) -> Any:
        seen.append(CALLER.get())
        return {"messages": [AIMessage("ok")]}

    engine = await engine_of(StateGraph(Messages).add_node("node", node).add_edge(START, "node").compile())
    CALLER.set("a request")

    await run_to_end(engine, run_spec(run_id="r1"))
    begin(await engine.reserve(spec_without_input("r2")))
    await read_all(engine.follow("r2"))

    assert seen == ["nobody", "nobody"]


async def test_a_run_that_is_started_within_a_chain_is_no_part_of_it(engine_of: Engines) -> None:
    class Chains(AsyncCallbackHandler):
        def __init__(self) -> None:
            self.names: list[str] = []

        async def on_chain_start(self, *args: Any, **kwargs: Any) -> None:
            self.names.append(kwargs["name"])

    engine, chains = await engine_of(agent(["ok"])), Chains()

    async def start(_: str) -> None:
        await run_to_end(engine, run_spec())

    await RunnableLambda(start, name="outer").ainvoke("hi", {"callbacks": [chains]})

    assert chains.names == ["outer"]


async def test_what_serves_the_whole_process_runs_in_an_empty_context(engine_of: Engines) -> None:
    """Flushes, leases and pruning: each of them is first asked for by somebody's request."""
    callers: set[tuple[str, str]] = set()
    appended = asyncio.Event()

    def change(stores: Stores) -> Stores:
        return replace(
            stores,
            runs=cast(Runs, Recording(stores.runs, callers, appended)),
            event_log=cast(EventLog, Recording(stores.event_log, callers, appended)),
            checkpoints=cast(Checkpoints, Recording(stores.checkpoints, callers, appended)),
        )

    CALLER.set("a request")
    gate = asyncio.Event()
    limits = RunLimits(runs=1)
    engine = await engine_of(agent(["one", gate], ["two"]), change=change, limits=limits)
    await engine.start(run_spec(run_id="r1"))
    await read_until(engine.follow("r1"), "token")
    await engine.start(run_spec(run_id="r2", on_busy="enqueue"))
    await engine.start(run_spec(run_id="r3", on_busy="enqueue"))
    await engine.cancel("r3")
    await asyncio.wait_for(appended.wait(), PATIENCE_S)
    gate.set()
    await read_all(engine.follow("r2"))
    await engine.aclose()

    own = {verb for verb, caller in callers if caller == "nobody"}
    assert {"append", "claim", "finish", "prune"} <= own
    assert {verb for verb, caller in callers if caller != "nobody"} <= {"submit", "get", "read", "stop"}


async def test_a_runs_spans_are_below_its_requests(engine_of: Engines) -> None:
    traces = Traces()
    engine = await engine_of(traces.graph())

    with traces.tracer.start_as_current_span("request 1"):
        await engine.start(run_spec("1", run_id="r1"))
    with traces.tracer.start_as_current_span("request 2"):
        reservation = await engine.reserve(spec_without_input("r2", on_busy="enqueue"))
        begin(reservation, "2")
    await read_all(engine.follow("r2"))

    assert (traces.parent_of("node of 1"), traces.parent_of("node of 2")) == ("request 1", "request 2")


async def test_a_run_that_had_to_wait_is_below_its_own_request(engine_of: Engines) -> None:
    traces, gate = Traces(), asyncio.Event()
    engine = await engine_of(traces.graph(gate))

    for number in (1, 2, 3):
        with traces.tracer.start_as_current_span(f"request {number}"):
            await engine.start(run_spec(str(number), run_id=f"r{number}", on_busy="enqueue"))
    gate.set()
    await read_all(engine.follow("r3"))

    assert [traces.parent_of(f"node of {n}") for n in (1, 2, 3)] == ["request 1", "request 2", "request 3"]


async def test_a_run_without_a_trace_gets_nobody_elses(engine_of: Engines) -> None:
    traces = Traces()
    with traces.tracer.start_as_current_span("whoever opens the engine"):
        engine = await engine_of(traces.graph())

    await run_to_end(engine, run_spec("1"))

    assert traces.span("node of 1").parent is None


async def test_a_run_recovered_from_an_earlier_process_has_no_trace(engine_of: Engines) -> None:
    traces, never = Traces(), asyncio.Event()
    first = await engine_of(traces.graph(never))
    with traces.tracer.start_as_current_span("request 1"):
        await first.start(run_spec("1", run_id="r1"))
        await first.start(run_spec("2", run_id="r2", on_busy="enqueue"))
    await read_until(first.follow("r1"), "started")
    await first.aclose()

    later = Traces()
    engine = await engine_of(later.graph())
    await read_all(engine.follow("r2"))

    assert later.span("node of 2").parent is None
