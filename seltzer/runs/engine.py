"""The engine: starts, follows and cancels runs. The face of the core for protocols and the terminal."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass

from langchain_core.callbacks import Callbacks
from langchain_core.messages import BaseMessage

from seltzer.cursor import START, Cursor
from seltzer.errors import (
    NotOpen,
    ServerDraining,
    ThreadBusy,
    UnknownGraph,
    UnknownRun,
)
from seltzer.runs.edits.edits import Edits
from seltzer.runs.event import Event, RunId
from seltzer.runs.execution.driver.driver_choice import choose_driver
from seltzer.runs.execution.driver.run_config import executable
from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.execution.worker import Worker
from seltzer.runs.graph import AnyPregel, BrokenGraph, Graph
from seltzer.runs.observer import Observer, Observers
from seltzer.runs.overview import Overview
from seltzer.runs.ports import Stores
from seltzer.runs.run import Run, RunSpec
from seltzer.runs.streaming.follower import Follower
from seltzer.runs.streaming.hub import Deliver, Hub
from seltzer.runs.streaming.relay import Relay
from seltzer.runs.threads.conversations import Conversations
from seltzer.runs.threads.input.checks import StartChecks


@dataclass(frozen=True, slots=True)
class _Parts:
    """What an engine has while it is open."""

    stores: Stores
    pregels: Mapping[str, AnyPregel]
    threads: Conversations
    checks: StartChecks
    edits: Edits
    worker: Worker
    follower: Follower
    overview: Overview


class Engine:
    """Executes the graphs of one process, from open() to aclose(); it may be opened again.

    is_draining: it starts nothing new. Used before open(), it raises NotOpen.
    """

    def __init__(
        self,
        graphs: Mapping[str, Graph],
        open_stores: Callable[[], AbstractAsyncContextManager[Stores]],
        limits: RunLimits | None = None,
        *,
        accelerate: bool = True,
        broken: Mapping[str, BrokenGraph] | None = None,
        open_graphs: Callable[[], Awaitable[object]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.graphs = graphs
        self.broken = {} if broken is None else broken
        self._open_graphs = open_graphs
        self.is_draining = False
        self._open_stores = open_stores
        self._limits = limits or RunLimits()
        self._accelerate = accelerate
        self._clock = clock
        self._observers = Observers(observers)
        self._is_open = False
        self._opened: _Parts | None = None  # kept when it is closed: late calls get ServerDraining
        self._resources = AsyncExitStack()

    async def open(self) -> None:
        """Make the graphs that need a loop, open the stores, and continue the runs of an earlier process.

        Does nothing while it is open. Raises LoadError and DataInUse.
        """
        if self._is_open:
            return
        drive = await choose_driver(accelerate=self._accelerate)
        if self._open_graphs is not None:
            await self._open_graphs()
        async with AsyncExitStack() as resources:
            stores = await resources.enter_async_context(self._open_stores())
            pregels = {
                name: executable(graph.pregel, stores.checkpoints.saver_for(graph.pregel))
                for name, graph in self.graphs.items()
            }
            hub = Hub()
            worker = Worker(
                self.graphs, pregels, stores, hub, self._limits, drive, self._clock, self._observers
            )
            relay = Relay(stores.runs, stores.event_log, hub, on_wake=worker.wake)
            follower = Follower(stores.runs, stores.event_log, hub, relay, executed=worker.run)
            threads = Conversations(stores.threads, stores.checkpoints, pregels)
            edits = Edits(stores, pregels, threads, worker.reserve, self._limits.timeout_s)
            checks = StartChecks(stores, pregels, threads)
            overview = Overview(stores.runs, follower, hub, worker)
            self._opened = _Parts(stores, pregels, threads, checks, edits, worker, follower, overview)
            worker.open()
            relay.open()
            resources.push_async_callback(relay.aclose)
            self._resources = resources.pop_all()  # an error before this frees the stores again
        self._is_open, self.is_draining = True, False

    @property
    def threads(self) -> Conversations:
        """The conversations there are."""
        return self._parts.threads

    @property
    def overview(self) -> Overview:
        """What there is to see of runs."""
        return self._parts.overview

    @property
    def edits(self) -> Edits:
        """The edits of conversations between runs. Raises ServerDraining."""
        if self.is_draining:
            raise ServerDraining("the server is shutting down; try again in a moment")
        return self._parts.edits

    @property
    def is_open(self) -> bool:
        """Whether it has been opened, and not closed since."""
        return self._is_open

    async def check_ready(self) -> None:
        """Raise what a new run would, whatever it is: ServerDraining, StorageFailed."""
        if self.is_draining:
            raise ServerDraining("the server is shutting down")
        if (check := self._parts.stores.check_ready) is not None:
            await check()

    def find_graph(self, name: str) -> Graph:
        """Return the graph that has this name, or else this slug. Raises UnknownGraph, GraphBroken."""
        if (graph := self.graphs.get(name)) is not None:
            return graph
        for each in self.graphs.values():
            if each.slug == name:
                return each
        for broken in self.broken.values():
            if name in (broken.name, broken.slug):
                raise broken.error()
        there = ", ".join(self.graphs)
        raise UnknownGraph(f"there is no graph {name[:100]!r}; there are {there}")

    def drain(self) -> None:
        """Start nothing new, and dismiss the readers of background runs; active runs may end."""
        self.is_draining = True
        self._parts.worker.close()
        self._parts.follower.drain()

    async def idle(self, timeout_s: float) -> bool:
        """Wait until no run is executed, timeout_s at most; return whether that is so."""
        return await self._parts.worker.idle(timeout_s)

    async def aclose(self) -> None:
        """Hand back the background runs, end the attached ones as server_draining, close the stores.

        Does nothing unless it is open.
        """
        if not self._is_open:
            return
        self._is_open = False
        self.drain()
        await self._parts.edits.aclose()
        await self._parts.worker.aclose()
        await self._resources.aclose()

    async def start(self, spec: RunSpec, *, callbacks: Callbacks = None) -> Run:
        """Begin the run, at once or in its turn, and return its row.

        callbacks see the graph's inner steps, for clients that read LangChain's own events.
        Raises UnknownGraph, UnknownThread and UnknownCheckpoint for one that begins from an earlier state,
        InvalidInput if nothing runs there, ThreadBusy,
        ThreadInterrupted, NotInterrupted, TooManyRuns, IdempotencyConflict, ServerDraining.
        """
        return await self._parts.worker.start(await self._checked(spec), callbacks)

    async def reserve(self, spec: RunSpec) -> Reservation:
        """Write an attached run's row before its input is there, and return its reservation.

        The thread is the run's, or will be in its turn. The caller begins the reservation or releases it.
        Raises what start() does.
        """
        return await self._parts.worker.reserve(await self._checked(spec))

    async def check_results(self, spec: RunSpec, field: str = "input") -> None:
        """Raise InvalidInput if the run's input has a result of a call that its thread doesn't wait for.

        field: what the input is called. While another run is active on the thread, nothing is certain: then
        it is the run that fails.
        """
        await self._parts.checks.check_results(spec, field)

    async def check_thread_free(self, thread_id: str) -> None:
        """Raise ThreadBusy if a run is writing to the thread, or waits for it."""
        thread = await self._parts.stores.threads.get(thread_id)
        if thread is not None and thread.status == "busy":
            raise ThreadBusy(f"thread {thread_id!r} has an active run; wait, or cancel it")

    async def check_not_deleted(self, run_id: RunId) -> None:
        """Raise RunDeleted if the run was deleted with its thread within a day."""
        await self._parts.stores.runs.check_not_deleted(run_id)

    async def get_run(self, run_id: RunId) -> Run:
        """Return the run's current state. Raises UnknownRun."""
        return await self._parts.follower.run(run_id)

    async def check_cursor(self, run_id: RunId, after: Cursor = START) -> Run:
        """Return the run. Raises what following it would: UnknownRun, InvalidCursor, StreamGap."""
        return await self._parts.follower.check(run_id, after)

    def follow_batches(
        self, run_id: RunId, after: Cursor = START, *, deliver: Deliver | None = None
    ) -> AsyncGenerator[Sequence[Event]]:
        """Yield the run's events after the cursor, then live ones, ending with a terminal event.

        Order is by (attempt, seq); each event exactly once a call. A batch is what there is. Waits without
        limit between events. Yields nothing if the run has ended and the cursor is at its end.
        What deliver accepts while this waits, at the moment it is published, isn't yielded.
        Raises UnknownRun, StreamGap if the cursor is before the oldest kept event, InvalidCursor;
        ServerDraining, for a background run, when the server begins to shut down.
        """
        return self._parts.follower.batches(run_id, after, deliver)

    async def follow(self, run_id: RunId, after: Cursor = START) -> AsyncGenerator[Event]:
        """Yield what follow_batches() does, event by event."""
        async with aclosing(self.follow_batches(run_id, after)) as batches:
            async for batch in batches:
                for event in batch:
                    yield event

    async def cancel(self, run_id: RunId) -> Run:
        """Request the run to stop, and return its current state; it emits `cancelled` when it has stopped.

        Does nothing to a run that has ended. Raises UnknownRun. A node that is a plain function runs in a
        thread and can't be stopped: its result is dropped.
        """
        run = await self._parts.worker.cancel(run_id)
        if run is None:
            raise UnknownRun(f"there is no run {run_id!r}")
        return run

    async def messages(self, graph: str, thread_id: str) -> list[BaseMessage]:
        """Return the thread's messages, oldest first; none if the thread is new."""
        return await self._parts.threads.messages(graph, thread_id)

    @property
    def _parts(self) -> _Parts:
        if self._opened is None:
            raise NotOpen("the engine isn't open: run the app's lifespan, or await engine.open()")
        return self._opened

    async def _checked(self, spec: RunSpec) -> RunSpec:
        pregels = self._parts.pregels
        if self.is_draining:
            raise ServerDraining("the server is shutting down; try again in a moment")
        if spec.graph not in pregels:
            there = ", ".join(pregels) or "none"
            raise UnknownGraph(f"there is no graph {spec.graph!r}; there are {there}")
        return await self._parts.checks.check(spec)
