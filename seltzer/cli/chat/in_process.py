"""Answers from an engine in this process: a run's events -> the client's parts."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from seltzer.cli.chat.editing import LISTED, Turn, turns_in
from seltzer.client import (
    Branch,
    Cursor,
    Interrupt,
    Interrupted,
    Part,
    Reading,
    ServedGraph,
    ThreadInfo,
)
from seltzer.client.graphs import BrokenGraph
from seltzer.client.http.requests import RunOptions
from seltzer.client.records import branches, thread_info
from seltzer.cursor import START
from seltzer.errors import UnknownRun
from seltzer.protocols.http.bodies.messages import InputLimits
from seltzer.protocols.native.rendering import branch_json, thread_json
from seltzer.protocols.native.request import answer_spec, start_spec
from seltzer.runs.edits.updates import COPY, StateUpdate
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.run import RunSpec

_SEEN_WITH_VERBOSE: Final = "The graph raised an error; --verbose shows it."
STOP_S: Final = 5.0  # how long a stopped run may take to end


class InProcess:
    """Asks the graphs of an engine, with the checks of the native routes; satisfies Source.

    Its runs end with it.
    """

    def __init__(self, engine: Engine, limits: InputLimits, options: RunOptions) -> None:
        self._engine = engine
        self._limits = limits
        self._options = {name: value for name, value in options.items() if value is not None}
        self.graphs = [
            ServedGraph(each.name, each.takes_messages, each.path) for each in engine.graphs.values()
        ]
        self.broken = [BrokenGraph(each.name, each.path, each.reason.why) for each in engine.broken.values()]

    async def ask(
        self, graph: str, question: str | None, thread: str, from_message: str | None = None
    ) -> AsyncGenerator[Part, None]:
        body = {"input": question, "thread_id": thread, **self._options}
        if from_message is not None:
            body["from_message"] = from_message
        spec = start_spec(body, self._engine.graphs[graph], self._limits, None)
        async with aclosing(self._run(replace(spec, attached=True))) as parts:
            async for part in parts:
                yield part

    async def resume(
        self, graph: str, interrupted: Interrupted, answers: Mapping[str, Any]
    ) -> AsyncGenerator[Part, None]:
        # Not attached: its answers are stored, and a process that is killed over them must not lose them.
        body: dict[str, Any] = {"answers": dict(answers)} if answers else {"resume": None}
        if "context" in self._options:
            body["context"] = self._options["context"]
        asked = await self._engine.get_run(interrupted.run_id)
        async with aclosing(self._run(answer_spec(body, asked, self._engine.graphs[graph], None))) as parts:
            async for part in parts:
                yield part

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

    async def turns(self, graph: str, thread: str) -> Sequence[Turn]:
        return turns_in((await self._engine.threads.state(graph, thread)).values)

    async def last_turn(self, graph: str, thread: str) -> Turn | None:
        return next(reversed(await self.turns(graph, thread)), None)

    async def take_back(self, graph: str, thread: str, turn: Turn) -> None:
        update = StateUpdate(None, COPY, from_message=turn.message_id)
        await self._engine.edits.update(graph, thread, update)

    async def withdraw(self, graph: str, run_id: str) -> None:
        await self._engine.edits.withdraw(await self._engine.get_run(run_id))

    async def branches(self, graph: str, thread: str) -> Sequence[Branch]:
        found = await self._engine.threads.branches(graph, thread, limit=LISTED)
        return branches({"branches": [branch_json(each) for each in found]})

    async def go_to(self, graph: str, thread: str, checkpoint_id: str) -> None:
        await self._engine.edits.update(graph, thread, StateUpdate(None, COPY, checkpoint_id))

    async def threads(self, graph: str) -> Sequence[ThreadInfo]:
        found = await self._engine.threads.list(graph, limit=LISTED)
        return [thread_info(thread_json(each)) for each in found]

    async def cancel(self, graph: str, run_id: str) -> None:
        await self._engine.cancel(run_id)

    async def _run(self, spec: RunSpec) -> AsyncGenerator[Part, None]:
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
