"""An attempt: one try at a run, by this process, in a task of its own.

It is between the driver and the hub: the driver runs the graph, the translator turns what it streams into
events, and these are published to the run's tail and appended to the log.

The task is never a request's generator: a graph consumed inside a server's cancel scope keeps calling its
model after the client has disconnected (langgraph issues 5682 and 8302).

It is long for a module, as how an attempt begins, is stopped and ends has to be read together.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, closing
from contextvars import Context
from functools import partial
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.runnables import RunnableConfig

from seltzer.cursor import Cursor
from seltzer.errors import StorageFailed
from seltzer.runs.event import Event, Json, RunId
from seltzer.runs.execution.driver.graph_input import GraphInput, read_input
from seltzer.runs.execution.driver.graph_stream import Part
from seltzer.runs.execution.driver.run_config import (
    executable,
    graph_config,
    public_config,
    request_config,
    thread_config,
)
from seltzer.runs.execution.emitter import Emitter
from seltzer.runs.execution.fence import Fence
from seltzer.runs.execution.lifecycle import End, Lifecycle, Phase
from seltzer.runs.execution.resources import Resources
from seltzer.runs.execution.translation.run_output import run_output
from seltzer.runs.execution.translation.terminal_events import CANCELLED, failed, finished
from seltzer.runs.execution.translation.translator import Emission, Translator
from seltzer.runs.failure import classify, failure
from seltzer.runs.graph import AnyPregel, Graph, GraphAccess
from seltzer.runs.run import Lease, Stop
from seltzer.runs.schemas.schemas import GraphSchemas
from seltzer.runs.streaming.hub import Tail
from seltzer.runs.threads.repair.cleanup import EndedAttempt, tidy
from seltzer.runs.threads.snapshots import shown_state
from seltzer.runs.upstream.silence import SilenceWatch

log = logging.getLogger(__name__)


class Attempt:
    """Executes a leased run to its end, whatever its graph does.

    error: why its readers get no terminal event, if they don't. emitter: numbers what it emits.
    """

    def __init__(
        self,
        lease: Lease,
        graph: Graph,
        pregel: AnyPregel,
        tail: Tail,
        resources: Resources,
        *,
        was_queued: bool = False,
        are_stale: Callable[[], bool],
    ) -> None:
        self.lease = lease
        self.run = lease.run
        self.tail = tail
        self.was_queued = was_queued
        self.error: StorageFailed | None = None
        self.run_id: RunId = lease.run.spec.run_id
        self._graph = graph
        self._pregel = pregel
        self._resources = resources
        self._fence = Fence(self.run_id, lease.run.attempt, is_thread_new=lease.is_thread_new)
        self.emitter = Emitter(lease, tail, self._fence, resources.flusher, are_stale, resources.clock)
        self._translator = Translator(resources.shapes.of(graph, pregel))
        self._lifecycle = Lifecycle(has_run=lease.run.attempt > 1)
        self._task: asyncio.Task[Any] | None = None

    async def execute(self, callbacks: Callbacks = None) -> Event | None:
        """Execute the run; return its terminal event once it is durable, for the caller to publish.

        None if it has none: the run was handed back, or has another owner, or its end can't be stored.
        """
        loop, timeout_s = asyncio.get_running_loop(), self._resources.limits.timeout_s
        deadline = loop.call_later(timeout_s, self.fail, "run_timeout")
        may_run = self._lifecycle.prepare()
        self._emit(Emission("started", self._started()))
        error = await self._graph_error(callbacks) if may_run else None
        deadline.cancel()
        if error is not None:
            last = self._failed(error)
        else:
            last = finished(self._translator, self.emitter.duration_s)
        end = self._lifecycle.settle(End(last))
        try:
            return await self._finish(end)
        except Exception as error:
            log.error("the end of run %s can't be stored", self.run_id, exc_info=error)
            self.error = StorageFailed("the run's end can't be stored; the server's log has the reason")
            return None

    def stop(self, how: Stop) -> None:
        """Have the run end as cancelled; with `rollback` its work is removed from the thread."""
        self._stop(End(CANCELLED, "roll_back" if how == "rollback" else "keep"))

    def fail(self, code: str) -> None:
        """Have the run end as failed."""
        if not self._lifecycle.is_ending:
            log.warning("run %s of %s fails: %s", self.run_id, self.run.spec.graph, code)
        self._stop(End(failed(failure(code))))

    def dismiss(self) -> None:
        """Have the run end here: it becomes pending again; an attached one fails."""
        if self.run.spec.attached:
            self.fail("server_draining")
        else:
            self._stop(End(CANCELLED, "hand_back"))

    def lose_lease(self) -> None:
        """Have the attempt end without writing anything more: the run has another owner now."""
        log.warning("run %s has another owner now", self.run_id)
        self.abandon()

    def abandon(self, error: StorageFailed | None = None) -> None:
        """Have the attempt end without writing anything more. error: what its readers get."""
        self.error = error
        self._fence.revoke()
        self._stop(End(CANCELLED))

    def was_stored(self, cursor: Cursor) -> None:
        """Note that the log has the events up to the cursor."""
        self.emitter.was_stored(cursor)

    def was_fenced(self) -> None:
        """Note that the log has refused the events: a later attempt writes there."""
        self.lose_lease()

    def was_not_stored(self) -> None:
        """Note that the log has lost events."""
        self.abandon(StorageFailed("the run's events can't be stored; the server's log has the reason"))

    def _stop(self, end: End) -> None:
        if self._lifecycle.stop(end) and self._task is not None:
            self._cancel(self._task)

    def _cancel(self, task: asyncio.Task[Any]) -> None:
        """Cancel the task, and again each insist_s while the graph runs on: it may swallow one.

        Never twice for one stop: a second cancel would break into the graph's cleaning up.
        """
        if self._lifecycle.phase is Phase.STOPPING and not task.done():
            task.cancel()
            insist_s = self._resources.limits.insist_s
            asyncio.get_running_loop().call_later(insist_s, self._cancel, task, context=Context())

    def _started(self) -> Json:
        spec = self.run.spec
        ids = {"graph": spec.graph, "run_id": spec.run_id, "thread_id": spec.thread_id}
        return {**ids, "attempt": self.run.attempt}

    async def _graph_error(self, callbacks: Callbacks) -> BaseException | None:
        """Run the graph; return whatever it has raised.

        In a task of its own: a GeneratorExit that is thrown into a task closes every coroutine in it.
        """
        self._task = asyncio.create_task(self._run_graph(callbacks), name=f"graph of run {self.run_id}")
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:  # the loop is being closed, by a server that didn't close the engine
            self.dismiss()
            await asyncio.wait([self._task])
        return asyncio.CancelledError() if self._task.cancelled() else self._task.exception()

    def _failed(self, error: BaseException) -> Emission:
        if isinstance(error, asyncio.CancelledError) and self._lifecycle.is_ending:
            return CANCELLED
        why = classify(error)
        log.warning("run %s of %s failed: %s", self.run_id, self.run.spec.graph, why.code, exc_info=error)
        return failed(why)

    async def _run_graph(self, callbacks: Callbacks) -> None:
        """Run the graph and emit what it streams."""
        spec, steps = self.run.spec, self._resources.limits.steps
        request = request_config(spec, self._fence, callbacks)
        context = self._graph.schemas.make_context(spec.context)
        access = GraphAccess("threads.create_run", self._resources.stores.items, context)
        async with self._graph.open(public_config(request), access) as opened:
            if opened is not self._graph.pregel:
                self._attach(opened)
                context = GraphSchemas(opened, opened).make_context(spec.context)
            read = await self._input()
            config = graph_config(spec, self._graph, opened, request, steps)
            if self._lifecycle.run():
                if (begins_at := await read.prepare()) is not None:
                    config["configurable"]["checkpoint_id"] = begins_at
                await self._drive(read.input, config, context)

    def _attach(self, opened: AnyPregel) -> None:
        """Compile a graph that was made for this run with the server's own checkpointer."""
        self._pregel = executable(opened, self._pregel.checkpointer)
        self._translator = Translator(self._resources.shapes.of(self._graph, self._pregel))

    async def _drive(self, input: Any, config: RunnableConfig, context: Any) -> None:
        flusher, store = self._resources.flusher, self._resources.stores.items
        watch = SilenceWatch(self._resources.limits.silence_s, partial(self.fail, "upstream_timeout"))
        steps = self._resources.drive(
            self._pregel, input, config, self._publish, context=context, store=store, watch=watch
        )
        with closing(watch):
            async with aclosing(steps):
                async for _ in steps:
                    if self._lifecycle.phase is not Phase.RUNNING:  # a node has swallowed its cancellation
                        return
                    if flusher.is_full:
                        await flusher.wait_for_capacity()
        self._emit(*self._translator.finish())

    async def _input(self) -> GraphInput:
        """Return the graph's input. A later attempt's readers get the thread's state first."""
        read = await read_input(
            self.run, self._pregel, self._config(), self._resources.stores, was_queued=self.was_queued
        )
        if self.run.attempt > 1:
            self._emit(Emission("state", await shown_state(read.values)))
        if read.is_ours:
            self._translator.continue_from(read.values)
        if read.has_structured:
            self._translator.set_structured()
        return read

    def _publish(self, part: Part) -> None:
        if self._lifecycle.phase is Phase.ENDING:  # a node in a thread can't be stopped
            return
        emissions: list[Emission] = []
        try:
            try:
                emissions += self._translator.feed(*part)
            finally:  # what precedes an error, too: the translator has advanced past it
                self._emit(*emissions)
        except Exception as error:  # LangChain would log it, and the run would continue without the part
            log.warning("run %s: a part can't be read", self.run_id, exc_info=error)
            self._stop(End(failed(classify(error))))

    def _config(self) -> RunnableConfig:
        return thread_config(self.run.spec, self._fence)

    def _emit(self, *emissions: Emission) -> None:
        self.emitter.emit(self, emissions)

    def _ended(self, end: End) -> EndedAttempt:
        return EndedAttempt(
            self._pregel,
            self._config(),
            self.run,
            self.tail,
            self._resources.stores,
            end.last.kind,
            emitted=self.emitter.seq if self._graph.takes_messages else None,
            code=end.last.data.get("code"),
            has_lasting=self._fence.has_lasting,
        )

    async def _finish(self, end: End) -> Event | None:
        """Make the result durable and free the thread; return the terminal event."""
        flusher, runs = self._resources.flusher, self._resources.stores.runs
        has_touched = self._lifecycle.has_run
        if self._fence.is_valid and has_touched and end.work != "hand_back":
            has_touched = not await tidy(self._ended(end), rolls_back=end.work == "roll_back")
        await flusher.wait_written(self.run_id)
        if not self._fence.is_valid:
            return None
        self._fence.revoke()
        unwritten = flusher.take_unwritten(self.run_id)
        if end.work == "hand_back":
            await runs.hand_back(self.lease, unwritten=unwritten)
            return None
        last = self.emitter.last(end.last)
        has_output = last.kind == "finished"
        is_ended = await runs.finish(
            self.lease,
            last,
            unwritten=unwritten,
            output=run_output(self.run.spec, self._graph, self._translator) if has_output else None,
            touched=has_touched,
            stats=self.emitter.stats(self._translator.usage),
        )
        if not is_ended:
            log.warning("run %s has another owner now; what was done here is dropped", self.run_id)
            return None
        self.emitter.end()
        return last
