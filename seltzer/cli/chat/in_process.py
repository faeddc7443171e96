"""Answers from an engine in this process: a run's events -> the client's parts."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final
from uuid import uuid4

from langchain_core.messages import HumanMessage

from seltzer.client import Cursor, Interrupt, Interrupted, Part, Reading, ServedGraph
from seltzer.cursor import START
from seltzer.errors import UnknownRun
from seltzer.protocols.http.config import check_context
from seltzer.protocols.http.messages import title_of
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.run import RunSpec

_SEEN_WITH_VERBOSE: Final = "The graph raised an error; --verbose shows it."
STOP_S: Final = 5.0  # how long a stopped run may take to end


class InProcess:
    """Asks the graphs of an engine; satisfies Source. Its runs end with it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.graphs = [ServedGraph(each.name, each.takes_messages) for each in engine.graphs.values()]

    def ask(self, graph: str, question: str, thread: str) -> AsyncGenerator[Part, None]:
        messages = [HumanMessage(question)]
        input, title = self._engine.graphs[graph].message_input(messages), title_of(messages)
        return self._run(RunSpec(graph, input, thread, str(uuid4()), attached=True, title=title))

    def resume(
        self, graph: str, interrupted: Interrupted, answers: Mapping[str, Any]
    ) -> AsyncGenerator[Part, None]:
        # Not attached: its answers are stored, and a process that is killed over them must not lose them.
        return self._run(
            RunSpec(
                graph,
                None,
                interrupted.thread_id,
                str(uuid4()),
                answers=dict(answers),
                answered=interrupted.run_id,
            )
        )

    async def follow(self, graph: str, run_id: str) -> AsyncGenerator[Part, None]:
        run = await self._engine.get_run(run_id)
        if run.spec.graph != graph:
            raise UnknownRun(f"graph {graph!r} has no run {run_id!r}")
        async with aclosing(self._parts(Reading(run_id))) as parts:
            async for part in parts:
                yield part

    async def pending(self, graph: str, thread: str) -> Interrupted | None:
        found = await self._engine.threads.get(graph, thread)
        if found.status != "interrupted" or found.run is None:
            return None
        state = await self._engine.threads.state(graph, thread)
        interrupts = tuple(Interrupt(each["id"], each["value"]) for each in state.interrupts)
        return Interrupted(found.run.spec.run_id, thread, interrupts)

    async def cancel(self, graph: str, run_id: str) -> None:
        await self._engine.cancel(run_id)

    async def _run(self, spec: RunSpec) -> AsyncGenerator[Part, None]:
        if spec.answers is None:
            check_context(None, "context", self._engine.graphs[spec.graph])
        await self._engine.start(spec)
        reading = Reading(spec.run_id)
        try:
            async with aclosing(self._parts(reading)) as parts:
                async for part in parts:
                    yield part
        finally:
            await self._stop(reading)

    async def _parts(self, reading: Reading) -> AsyncGenerator[Part, None]:
        async with aclosing(self._engine.follow(reading.run_id)) as events:
            async for event in events:
                for part in reading.take(event.kind, _with_local_message(event), Cursor(*event.cursor)):
                    yield part

    async def _stop(self, reading: Reading) -> None:
        """Cancel the run unless it has ended, and wait until its thread is free for the next question."""
        await self._engine.cancel(reading.run_id)
        after = START if reading.cursor is None else reading.cursor  # the first may not be kept
        async with asyncio.timeout(STOP_S):
            async for _ in self._engine.follow(reading.run_id, after):
                pass


def _with_local_message(event: Event) -> Any:
    """Return the event's data; a graph's error points at --verbose, as this process has no visible log."""
    if event.kind == "failed" and event.data["code"] == "graph_error":
        return {**event.data, "message": _SEEN_WITH_VERBOSE}
    return event.data
