"""An execution: one attempt at a run, by this process, in a task of its own.

The task is never a request's generator: a graph consumed inside a server's cancel scope goes on calling its
model after the client has left (langgraph issues 5682 and 8302).
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.callbacks import Callbacks
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from seltzer.errors import StorageFailed
from seltzer.runs.event import Event, Json
from seltzer.runs.execution.fence import FENCE, Fence
from seltzer.runs.execution.graph_stream import Drive, Part
from seltzer.runs.execution.isolation import contained
from seltzer.runs.execution.terminal_events import CANCELLED, failed, finished
from seltzer.runs.execution.translator import Emission, Translator
from seltzer.runs.failure import classify, failure
from seltzer.runs.graph import AnyPregel, Graph
from seltzer.runs.jsonable import to_json
from seltzer.runs.ports import Stores
from seltzer.runs.run import Lease, Stop
from seltzer.runs.streaming.flusher import Flusher
from seltzer.runs.streaming.hub import Tail
from seltzer.runs.threads.cleanup import tidy

log = logging.getLogger(__name__)

CRASHES_LIMIT: Final = 3  # a run that kills its process each time must not do so for ever


@dataclass(frozen=True, slots=True)
class Resources:
    """What executions share. clock counts seconds; a graph told to end is told again each insist_s.

    retention_s: how long an ended run's events are kept.
    """

    stores: Stores
    flusher: Flusher
    timeout_s: float
    insist_s: float
    retention_s: float
    clock: Callable[[], float]
    drive: Drive


class Attempt:
    """Runs a lease to its end, and says so, whatever happens."""

    def __init__(
        self,
        lease: Lease,
        graph: Graph,
        pregel: AnyPregel,
        tail: Tail,
        means: Resources,
        *,
        was_queued: bool = False,
    ) -> None:
        self.lease = lease
        self.run = lease.run
        self._graph = graph
        self._pregel = pregel
        self._tail = tail
        self._means = means
        self.was_queued = was_queued
        self._has_touched = self.run.attempt > 1  # its thread
        self._run_id, self._attempt = lease.run.spec.run_id, lease.run.attempt
        self._flush = means.flusher.append
        self._fence = Fence(is_thread_new=lease.is_thread_new)
        self._translator = Translator(pregel)
        self._seq = 0
        self._stop: Emission | None = None
        self._is_rolled_back = False
        self._is_handed_back = False
        self._is_ending = False
        self.task: asyncio.Task[bool] | None = None
        self.error: StorageFailed | None = None  # why the end couldn't be said

    def begin(self, callbacks: Callbacks, on_end: Callable[["Attempt"], None]) -> asyncio.Task[bool]:
        """Start the task. on_end is called when the thread is free, right before the last event is shown.

        Its result is whether the run was ended by it.
        """
        # A fresh context: the run is nobody's child, neither of a request nor of a LangChain call around it.
        self.task = asyncio.create_task(
            self._execute(callbacks, on_end), name=f"run {self.run.spec.run_id}", context=contained()
        )
        return self.task

    def stop(self, how: Stop) -> None:
        """Have the run end as cancelled; with `rollback` its work is taken out of the thread."""
        self._is_rolled_back = self._is_rolled_back or how == "rollback"
        self._end_with(CANCELLED)

    def fail(self, code: str) -> None:
        """Have the run end as failed."""
        if self._stop is None:
            log.warning("run %s of %s fails: %s", self.run.spec.run_id, self.run.spec.graph, code)
        self._end_with(failed(failure(code)))

    def hand_back(self) -> None:
        """Have the run become pending again, without a last event."""
        self._is_handed_back = self._stop is None
        self._end_with(CANCELLED)

    def abandon(self, error: StorageFailed | None = None) -> None:
        """Have the task end without a word: the lease is lost, or the store can't be written."""
        self.error = error
        self._fence.revoke()
        self._end_with(CANCELLED)

    def _end_with(self, last: Emission) -> None:
        """Tell the run to end. Once: a second cancel right behind it would break into its cleaning up."""
        if self._stop is None:
            self._stop = last
            has_begun = self._seq > 0  # a task that is cancelled before its first step never runs at all
            if has_begun and self.task is not None:
                self._insist(self.task)

    def _insist(self, task: asyncio.Task[bool]) -> None:
        """Cancel the task, and again each insist_s as long as the graph goes on: it may swallow one."""
        if not (task.done() or self._is_ending):
            task.cancel()
            asyncio.get_running_loop().call_later(self._means.insist_s, self._insist, task)

    async def _execute(self, callbacks: Callbacks, on_end: Callable[["Attempt"], None]) -> bool:
        spec, started_at = self.run.spec, self._means.clock()
        deadline = asyncio.get_running_loop().call_later(self._means.timeout_s, self.fail, "run_timeout")
        try:
            self._say(Emission("started", self._started()))
            if self._stop is None:
                await self._stream(callbacks)
            last = self._stop or finished(self._translator, self._means.clock() - started_at)
        except asyncio.CancelledError:
            last = self._stop or CANCELLED
        except BaseException as error:  # a graph may raise anything, and its thread must be free again
            why = classify(error)
            last = self._stop or failed(why)
            log.warning("run %s of %s failed: %s", spec.run_id, spec.graph, why.code, exc_info=error)
        deadline.cancel()
        self._stop, self._is_ending = last, True  # from here on a cancel comes too late
        try:
            return await self._end(last, on_end)
        except Exception as error:
            log.error("the end of run %s can't be stored", spec.run_id, exc_info=error)
            self.error = StorageFailed("the run's end can't be stored; the server's log says why")
            return False

    def _started(self) -> Json:
        spec = self.run.spec
        ids = {"graph": spec.graph, "run_id": spec.run_id, "thread_id": spec.thread_id}
        return {**ids, "attempt": self.run.attempt}

    async def _stream(self, callbacks: Callbacks) -> None:
        """Run the graph and say what it says."""
        spec = self.run.spec
        config: RunnableConfig = {
            **self._config(),
            "recursion_limit": spec.max_steps,
            "run_name": spec.graph,
            "callbacks": callbacks,
        }
        config["configurable"] = {**spec.configurable, **config["configurable"]}
        input = await self._input()
        if spec.checkpoint_id and input is not None:
            config["configurable"]["checkpoint_id"] = spec.checkpoint_id
        self._has_touched = True
        flusher = self._means.flusher
        store = self._means.stores.items
        async with aclosing(self._means.drive(self._pregel, input, config, self._take, store=store)) as steps:
            async for _ in steps:
                if self._stop is not None:  # a node has swallowed its cancellation
                    return
                if flusher.is_full:
                    await flusher.wait_for_capacity()

    def _take(self, part: Part) -> None:
        if self._is_ending:  # a node in a thread can't be stopped
            return
        said: list[Emission] = []
        try:
            try:
                said += self._translator.feed(*part)
            finally:  # what came before an error, too: the translator has gone on from it
                self._say(*said)
        except Exception as error:  # LangChain would log it, and the run go on without the part
            log.warning("run %s: a part can't be read", self.run.spec.run_id, exc_info=error)
            self._end_with(failed(classify(error)))

    async def _input(self) -> Any:
        """Return what the graph gets: the run's own input at first, None to go on from its last checkpoint.

        An answer to an interrupt is given once: repeated, it would answer the next one.
        """
        spec = self.run.spec
        if spec.attached and self.run.attempt > 1:  # its request is gone, with the process that had taken it
            raise failure("client_gone")
        if self.run.crashes >= CRASHES_LIMIT:
            raise failure("run_crashed")
        await self._settle_interrupts()  # an attempt before may have died before it did
        if self.run.attempt == 1:
            return spec.input if spec.answers is None else Command(resume=dict(spec.answers))
        state = await self._pregel.aget_state(self._config())
        self._say(Emission("state", {"values": to_json(state.values)}))
        is_ours = (state.metadata or {}).get("run_id") == spec.run_id
        if is_ours:
            self._translator.go_on_from(state.values)
        return None if is_ours or spec.answers is not None else spec.input

    async def _settle_interrupts(self) -> None:
        """Deliver a question that nobody has answered out of the thread, if the run was sent to do so.

        A run that waited for its turn may find that the one before it ended with a question.
        """
        spec, stores = self.run.spec, self._means.stores
        if spec.answers is not None or not (self.was_queued or spec.on_busy == "rollback"):
            return
        asked = await stores.threads.interrupted(spec.thread_id)
        if asked and spec.on_busy != "rollback":
            raise failure("thread_interrupted")
        if asked:
            await stores.checkpoints.roll_back(spec.thread_id, asked)

    def _config(self) -> RunnableConfig:
        spec = self.run.spec
        return {
            "configurable": {"thread_id": spec.thread_id, FENCE: self._fence},
            "metadata": {"run_id": spec.run_id},
        }

    def _say(self, *said: Emission) -> None:
        if not (said and self._fence.is_valid):  # not held: abandoned, and it swallowed its cancellation
            return
        events = []
        for kind, data in said:
            self._seq += 1
            events.append(Event(self._attempt, self._seq, kind, data))
        self._tail.publish(*events)
        self._flush(self._run_id, *events)

    async def _end(self, last: Emission, on_end: Callable[["Attempt"], None]) -> bool:
        """Keep the result and free the thread, then show the last event: who has seen it finds both."""
        flusher, runs = self._means.flusher, self._means.stores.runs
        if self._fence.is_valid and self._has_touched and not self._is_handed_back:
            await self._tidy(last)
        await flusher.wait_written(self.run.spec.run_id)
        if not self._fence.is_valid:
            return False
        self._fence.revoke()
        unwritten = flusher.take_unwritten(self.run.spec.run_id)
        if self._is_handed_back:
            await runs.hand_back(self.lease, unwritten=unwritten)
            return False
        event = Event(self.run.attempt, self._seq + 1, last.kind, last.data)
        if not await runs.finish(
            self.lease,
            event,
            unwritten=unwritten,
            output=self._output() if last.kind == "finished" else None,
            touched=self._has_touched,
            retention_s=self._means.retention_s,
        ):
            log.warning("run %s has another owner now; what was done here is dropped", self.run.spec.run_id)
            return False
        on_end(self)
        self._tail.publish(event)
        return True

    async def _tidy(self, last: Emission) -> None:
        """Leave the thread such that its next turn works, and has what was said of this one."""
        spec, checkpoints = self.run.spec, self._means.stores.checkpoints
        if self._is_rolled_back:
            await checkpoints.roll_back(spec.thread_id, [spec.run_id])
        elif last.kind in ("cancelled", "failed") and self._graph.takes_messages:
            event_log = self._means.stores.event_log
            await tidy(self._pregel, self._config(), self.run, self._tail, event_log, said=self._seq)

    def _output(self) -> Json:
        if self._graph.takes_messages:
            return self._translator.answer
        return to_json(self._translator.values)
