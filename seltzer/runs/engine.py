"""The engine: starts, follows and cancels runs. What protocols and the terminal know of the core."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing

from langchain_core.callbacks import Callbacks
from langchain_core.messages import BaseMessage

from seltzer.errors import ServerDraining, ThreadBusy, UnknownCheckpoint, UnknownGraph, UnknownRun
from seltzer.runs.event import START, Cursor, Event, RunId
from seltzer.runs.execution.driver_choice import choose_driver
from seltzer.runs.execution.executor import Executor, RunLimits
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.graph import Graph
from seltzer.runs.ports import Stores
from seltzer.runs.run import Run, RunSpec
from seltzer.runs.streaming.follower import Follower
from seltzer.runs.streaming.hub import Deliver, Hub
from seltzer.runs.threads.conversations import Conversations


class Engine:
    """Executes the graphs of one process, from open() to aclose()."""

    def __init__(
        self,
        graphs: Mapping[str, Graph],
        open_stores: Callable[[], AbstractAsyncContextManager[Stores]],
        limits: RunLimits | None = None,
        *,
        accelerate: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.graphs = graphs
        self.is_draining = False
        self._is_open = False
        self._open_stores = open_stores
        self._limits = limits or RunLimits()
        self._clock = clock
        self._accelerate = accelerate
        self._hub = Hub()
        self._resources = AsyncExitStack()

    async def open(self) -> None:
        """Open the stores, and go on with the runs that an earlier process left; once.

        Raises LoadError and DataInUse.
        """
        if self._is_open:
            return
        drive = await choose_driver(accelerate=self._accelerate)
        stores = self._stores = await self._resources.enter_async_context(self._open_stores())
        pregels = self._pregels = {
            name: graph.pregel.copy({"checkpointer": stores.checkpoints.saver_for(graph.pregel)})
            for name, graph in self.graphs.items()
        }
        self.threads = Conversations(stores.threads, stores.checkpoints, pregels)
        self._executor = Executor(self.graphs, pregels, stores, self._hub, self._limits, self._clock, drive)
        self._follower = Follower(stores.runs, stores.event_log, self._hub, executed=self._executor.executed)
        self._executor.open()
        self._is_open = True

    def drain(self) -> None:
        """Start nothing more, and let the readers of background runs go; what goes on may end."""
        self.is_draining = True
        self._executor.close()
        self._follower.drain()

    async def idle(self, timeout_s: float) -> bool:
        """Wait until nothing goes on, timeout_s at most; return whether that is so."""
        return await self._executor.idle(timeout_s)

    async def aclose(self) -> None:
        """Hand back the background runs, end the attached ones as server_draining, close the stores; once."""
        if not self._is_open:
            return
        self._is_open = False
        self.drain()
        await self._executor.aclose()
        await self._resources.aclose()

    async def start(self, spec: RunSpec, *, callbacks: Callbacks = None) -> Run:
        """Begin the run, at once or in its turn, and return its row as it stands then.

        callbacks see the graph's inner steps, for clients that want LangChain's own events.
        Raises UnknownGraph, UnknownCheckpoint, ThreadBusy, ThreadInterrupted, NotInterrupted, TooManyRuns,
        IdempotencyConflict, ServerDraining.
        """
        await self._check(spec)
        return await self._executor.start(spec, callbacks)

    async def reserve(self, spec: RunSpec) -> Reservation:
        """Write an attached run's row before its input is there, and return its reservation.

        The thread is the run's, or will be in its turn. The caller begins the reservation or releases it.
        Raises what start() does.
        """
        await self._check(spec)
        return await self._executor.reserve(spec)

    async def check_thread_free(self, thread_id: str) -> None:
        """Raise ThreadBusy if a run is writing to the thread, or waits for it."""
        thread = await self._stores.threads.get(thread_id)
        if thread is not None and thread.status == "busy":
            raise ThreadBusy(f"thread {thread_id!r} has a run that goes on; wait, or cancel it")

    async def get_run(self, run_id: RunId) -> Run:
        """Return the run as it stands now. Raises UnknownRun."""
        return await self._follower.run(run_id)

    async def check_cursor(self, run_id: RunId, after: Cursor = START) -> Run:
        """Return the run. Raises what following it would: UnknownRun, InvalidCursor, StreamGap."""
        return await self._follower.check(run_id, after)

    def follow_batches(
        self, run_id: RunId, after: Cursor = START, *, deliver: Deliver | None = None
    ) -> AsyncGenerator[Sequence[Event]]:
        """Yield the run's events behind the cursor, then live ones, ending with a last event.

        Order is by (attempt, seq); each event exactly once a call. A batch is what there is. Waits without
        limit between events. Yields nothing if the run has ended and the cursor is at its end.
        What take has taken while this waits, at the moment it was said, isn't yielded.
        Raises UnknownRun, StreamGap if the cursor lies before the oldest kept event, InvalidCursor;
        ServerDraining, for a background run, when the server begins to shut down.
        """
        return self._follower.batches(run_id, after, deliver)

    async def follow(self, run_id: RunId, after: Cursor = START) -> AsyncGenerator[Event]:
        """Yield what batches() does, one by one."""
        async with aclosing(self.follow_batches(run_id, after)) as batches:
            async for batch in batches:
                for event in batch:
                    yield event

    async def cancel(self, run_id: RunId) -> Run:
        """Ask the run to stop, and return it as it stands; it says `cancelled` when it has stopped.

        Does nothing to a run that has ended. Raises UnknownRun. A node that is a plain function runs in a
        thread and can't be stopped: its result is dropped.
        """
        live = self._executor.live(run_id)
        if live is not None and live.run.spec.attached:  # never tried again: nobody else has to know
            live.stop("cancel")
            return live.run
        run = await self._stores.runs.stop(run_id, "cancel")
        if run is None:
            raise UnknownRun(f"there is no run {run_id!r}")
        if run.is_active:
            self._executor.stop(run_id, "cancel")
        else:
            self._executor.was_ended(run_id)
        return run

    async def messages(self, graph: str, thread_id: str) -> list[BaseMessage]:
        """Return the thread's messages, oldest first; none if the thread is new."""
        state = await self._pregels[graph].aget_state({"configurable": {"thread_id": thread_id}})
        return list(state.values.get("messages", [])) if isinstance(state.values, Mapping) else []

    async def _check(self, spec: RunSpec) -> None:
        if self.is_draining:
            raise ServerDraining("the server is shutting down; try again in a moment")
        if spec.graph not in self._pregels:
            there = ", ".join(self._pregels) or "none"
            raise UnknownGraph(f"there is no graph {spec.graph!r}; there are {there}")
        if spec.checkpoint_id is not None:
            place = {"thread_id": spec.thread_id, "checkpoint_id": spec.checkpoint_id}
            state = await self._pregels[spec.graph].aget_state({"configurable": place})
            if state.created_at is None:
                raise UnknownCheckpoint(f"thread {spec.thread_id!r} has no checkpoint {spec.checkpoint_id!r}")
