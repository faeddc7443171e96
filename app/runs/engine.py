"""The engine: starts, follows and cancels runs. Each run is its own asyncio task; its log is what others see
of it.

A run's task is never a request's generator: a graph consumed inside a server's cancel scope goes on calling
its model after the client has left (langgraph issues 5682 and 8302).
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, cast

from langchain_core.callbacks import Callbacks
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver

from app.errors import RunFailed, ThreadBusy, TooManyRuns, UnknownGraph, UnknownRun
from app.runs.event import START, Cursor, Event, Json, Kind, RunId
from app.runs.failure import classify, failure
from app.runs.graph import AnyPregel, Graph
from app.runs.hub import Hub
from app.runs.jsonable import to_json
from app.runs.ports import EventLog
from app.runs.run import STATUS_OF_LAST, Run, RunSpec
from app.runs.translate import STREAM_MODES, Namespace, Said, Translator

log = logging.getLogger(__name__)

RUNS_LIMIT: Final = 1_000
RUN_TIMEOUT_S: Final = 600.0
RETENTION_S: Final = 3600.0
CLOSE_S: Final = 2.0  # a node may swallow its cancellation


@dataclass(slots=True)
class _Live:
    """A run that is being executed here."""

    run: Run
    seq: int = 0
    stop: Said | None = None  # how it was told to end
    task: asyncio.Task[None] | None = None

    def end_with(self, last: Said) -> None:
        """Tell the run to end, once: a second cancel would break into the first one's cleaning up."""
        if self.stop is None:
            self.stop = last
            has_begun = self.seq > 0  # a task that is cancelled before its first step never runs at all
            if has_begun and self.task is not None:
                self.task.cancel()


class Engine:
    """Executes the graphs of one process.

    It executes runs_limit at once. timeout_s bounds a run; an ended run and its events are kept for
    retention_s.
    """

    def __init__(
        self,
        graphs: Mapping[str, Graph],
        event_log: EventLog,
        checkpointer_of: Callable[[AnyPregel], BaseCheckpointSaver[Any]],
        *,
        runs_limit: int = RUNS_LIMIT,
        timeout_s: float = RUN_TIMEOUT_S,
        retention_s: float = RETENTION_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.graphs = graphs
        self._pregels = {
            name: graph.pregel.copy({"checkpointer": checkpointer_of(graph.pregel)})
            for name, graph in graphs.items()
        }
        self._log = event_log
        self._runs_limit = runs_limit
        self._timeout_s = timeout_s
        self._retention_s = retention_s
        self._clock = clock
        self._hub = Hub()
        self._runs: dict[RunId, Run] = {}
        self._live: dict[RunId, _Live] = {}
        self._writers: dict[str, RunId] = {}

    async def start(self, spec: RunSpec, *, callbacks: Callbacks = None) -> Run:
        """Begin the run, and return it as it stands then: running.

        callbacks see the graph's inner steps, for clients that want LangChain's own events.
        Raises UnknownGraph, ThreadBusy if another run is writing to the thread, TooManyRuns.
        """
        if spec.graph not in self._pregels:
            raise UnknownGraph(
                f"there is no graph {spec.graph!r}; there are {', '.join(self._pregels) or 'none'}"
            )
        if self._writers.get(spec.thread_id) != spec.run_id:  # else it was reserved
            self.check_free(spec.thread_id)
        self._writers[spec.thread_id] = spec.run_id
        run = Run(spec, "running", attempt=1, created_at=datetime.now(UTC))
        live = self._live[spec.run_id] = _Live(run)
        self._runs[spec.run_id] = run
        # A fresh context: the run is nobody's child, neither of a request nor of a LangChain call around it.
        live.task = asyncio.create_task(
            self._execute(live, callbacks), name=f"run {spec.run_id}", context=Context()
        )
        return run

    def reserve(self, thread_id: str, run_id: RunId) -> None:
        """Keep the thread for a run that is about to start. Raises as check_free does."""
        self.check_free(thread_id)
        self._writers[thread_id] = run_id

    def release(self, thread_id: str, run_id: RunId) -> None:
        """Free a thread that was reserved for a run which didn't start; does nothing otherwise."""
        if run_id not in self._live and self._writers.get(thread_id) == run_id:
            del self._writers[thread_id]

    def check_free(self, thread_id: str) -> None:
        """Raise ThreadBusy if a run is writing to the thread, TooManyRuns if no other may begin."""
        if len(self._live) >= self._runs_limit:
            raise TooManyRuns(f"{self._runs_limit} runs are going on already; try again in a moment")
        if thread_id in self._writers:
            raise ThreadBusy(
                f"run {self._writers[thread_id]!r} is writing to thread {thread_id!r}; wait, or cancel it"
            )

    def run(self, run_id: RunId) -> Run:
        """Return the run as it stands now. Raises UnknownRun."""
        try:
            return self._runs[run_id]
        except KeyError:
            raise UnknownRun(f"there is no run {run_id!r}") from None

    async def follow(self, run_id: RunId, after: Cursor = START) -> AsyncGenerator[Event]:
        """Yield the run's events after the cursor, then live ones, ending with a last event.

        Order is by (attempt, seq); each event exactly once a call. Waits without limit between events.
        Yields nothing if the run has ended and the cursor is at its end.
        Raises StreamGap if the cursor lies before the oldest kept event, UnknownRun if there is no such run.
        """
        self.run(run_id)
        with self._hub.join(run_id) as reader:
            while True:
                if reader.has_missed:
                    reader.has_missed = False
                    has_ended = (
                        run_id not in self._live
                    )  # asked first: what is said from here on is handed over
                    events = (await self._log.read({run_id: after})).get(run_id, [])
                    if has_ended and not events:
                        self.run(run_id)
                        return
                else:
                    await reader.wait()
                    events = reader.take()
                for event in events:
                    if event.cursor > after:
                        after = event.cursor
                        yield event
                        if event.is_last:
                            return

    async def cancel(self, run_id: RunId) -> None:
        """Ask the run to stop; it says `cancelled` when it has. Does nothing to a run that has ended.

        Raises UnknownRun. A node that is a plain function runs in a thread and can't be stopped: its result
        is dropped.
        """
        self.run(run_id)
        live = self._live.get(run_id)
        if live is not None:
            live.end_with(Said("cancelled", {}))

    async def messages(self, graph: str, thread_id: str) -> list[BaseMessage]:
        """Return the thread's messages, oldest first; none if the thread is new."""
        state = await self._pregels[graph].aget_state({"configurable": {"thread_id": thread_id}})
        return list(state.values.get("messages", [])) if isinstance(state.values, Mapping) else []

    async def aclose(self) -> None:
        """End the runs that go on, as `failed` with code server_draining; wait CLOSE_S for them at most."""
        lives = list(self._live.values())
        for live in lives:
            live.end_with(_failed(failure("server_draining")))
        if tasks := [live.task for live in lives if live.task is not None]:
            await asyncio.wait(tasks, timeout=CLOSE_S)

    async def _execute(self, live: _Live, callbacks: Callbacks) -> None:
        """Run the graph to its end and say so, whatever happens."""
        spec, started_at = live.run.spec, self._clock()
        translator = Translator(self._pregels[spec.graph])
        deadline = asyncio.timeout(self._timeout_s)
        started = {"graph": spec.graph, "run_id": spec.run_id, "thread_id": spec.thread_id, "attempt": 1}
        try:
            async with deadline:
                await self._say(live, "started", started)
                if live.stop is None:
                    await self._stream(live, translator, callbacks)
            last = live.stop or self._ending(translator, self._clock() - started_at)
        except asyncio.CancelledError:
            last = live.stop or Said("cancelled", {})
        except BaseException as error:  # a graph may raise anything, and its thread must be free again
            last = _failed(failure("run_timeout") if deadline.expired() else classify(error))
            log.warning("run %s of %s failed: %s", spec.run_id, spec.graph, last.data["code"], exc_info=error)
        await self._end(live, last, translator)

    async def _stream(self, live: _Live, translator: Translator, callbacks: Callbacks) -> None:
        spec = live.run.spec
        pregel: AnyPregel = self._pregels[spec.graph]
        config: RunnableConfig = {
            "configurable": {**spec.configurable, "thread_id": spec.thread_id},
            "metadata": {"run_id": spec.run_id},
            "recursion_limit": spec.max_steps,
            "run_name": spec.graph,
            "callbacks": callbacks,
        }
        parts = pregel.astream(
            spec.input, config, stream_mode=STREAM_MODES, subgraphs=True, durability="sync"
        )
        async with aclosing(parts):  # type: ignore[type-var]  # typed as an iterator, is a generator
            async for part in parts:
                namespace, mode, value = cast("tuple[Namespace, str, Any]", part)  # as subgraphs=True has it
                for said in translator.feed(namespace, mode, value):
                    await self._say(live, said.kind, said.data)

    @staticmethod
    def _ending(translator: Translator, duration_s: float) -> Said:
        if translator.interrupts:
            return Said("interrupted", {"interrupts": translator.interrupts})
        return Said("finished", {"usage": translator.usage, "duration_ms": round(duration_s * 1000)})

    async def _say(self, live: _Live, kind: Kind, data: Json) -> None:
        live.seq += 1
        run_id, event = live.run.spec.run_id, Event(live.run.attempt, live.seq, kind, data)
        await self._log.append({run_id: (event,)})
        self._hub.publish(run_id, event)

    async def _end(self, live: _Live, last: Said, translator: Translator) -> None:
        """Free the thread and keep the result, then say the last event: who has seen it finds both."""
        spec = live.run.spec
        live.stop = last  # from here on a cancel comes too late
        output = to_json(translator.values) if last.kind == "finished" else None
        self._runs[spec.run_id] = replace(live.run, status=STATUS_OF_LAST[last.kind], output=output)
        del self._writers[spec.thread_id]
        await self._say(live, last.kind, last.data)
        del self._live[spec.run_id]
        await self._log.expire(spec.run_id, self._retention_s)
        asyncio.get_running_loop().call_later(self._retention_s, self._runs.pop, spec.run_id, None)


def _failed(error: RunFailed) -> Said:
    return Said(
        "failed",
        {
            "code": error.code,
            "message": str(error),
            "retryable": error.retryable,
            "retry_after_s": error.retry_after_s,
        },
    )
