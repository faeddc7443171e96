"""Edits of a thread between its runs: its state is updated by hand, or the question it waits on withdrawn.

An edit has the thread to itself, like a run: it reserves one that is never executed.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import InvalidUpdateError
from langgraph.graph import END

from seltzer.errors import AppError, InvalidInput, ThreadInterrupted, TooManyRuns, UnknownCheckpoint
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ids import new_id
from seltzer.runs.ports import Stores
from seltzer.runs.run import Run, RunSpec
from seltzer.runs.thread import Thread
from seltzer.runs.threads.conversations import Conversations
from seltzer.runs.threads.excerpts import WHOLE, Extent
from seltzer.runs.threads.repair.repair import repair
from seltzer.runs.threads.repair.subgraph_memory import repair_subgraphs
from seltzer.runs.threads.snapshots import Snapshot

log = logging.getLogger(__name__)

COPY: Final = "__copy__"  # LangGraph's: the checkpoint becomes the newest one again, as it is


@dataclass(frozen=True, slots=True)
class StateUpdate:
    """What is written to a thread's state, as if the node as_node had returned it.

    as_node may be COPY, or END, after which nothing runs; both without values. None: the node that has
    written last. checkpoint_id: the state that it is written to, and forks; None for the newest.
    """

    values: Any
    as_node: str | None = None
    checkpoint_id: str | None = None


class Edits:
    """Edits the threads of the graphs that are served."""

    def __init__(
        self,
        stores: Stores,
        pregels: Mapping[str, AnyPregel],
        threads: Conversations,
        reserve: Callable[[RunSpec], Awaitable[Reservation]],
    ) -> None:
        self._stores = stores
        self._pregels = pregels
        self._threads = threads
        self._reserve = reserve

    async def update(
        self, graph: str, thread_id: str, update: StateUpdate, *, extent: Extent = WHOLE
    ) -> Snapshot:
        """Update the thread's state, and return as much of it as the extent allows.

        The checkpoint belongs to the thread's newest run: it is rolled back with it. Raises UnknownThread,
        UnknownCheckpoint, ThreadBusy, ThreadInterrupted while a question is open, TooManyRuns, InvalidInput
        naming `as_node` or `values`.
        """
        thread = await self._threads.get(graph, thread_id)
        await self._threads.message_ids(graph, thread_id, update.checkpoint_id)  # raises UnknownCheckpoint
        pregel = self._pregels[graph]
        _check_node(pregel, update)
        async with self._reserved(_lock(graph, thread, update.checkpoint_id)):
            config = _config(thread, update.checkpoint_id)
            await _check_still_there(pregel, config)
            await _write(pregel, config, update)
            return await self._threads.state(graph, thread_id, extent=extent)

    async def withdraw(self, run: Run) -> Run:
        """Withdraw the question that the run has asked, and return the run that has done so: `cancelled`.

        The turn's work so far is kept; tool calls without a result get an error result. Raises NotInterrupted
        if the question has been answered or withdrawn, TooManyRuns.
        """
        asked = run.spec
        # Attached: no process that finds the row later may execute it, as if the question had been answered.
        spec = RunSpec(
            asked.graph, None, asked.thread_id, new_id(), attached=True, answers={}, answered=asked.run_id
        )
        async with self._reserved(spec) as reservation:
            pregel, thread_id = self._pregels[asked.graph], asked.thread_id
            config: RunnableConfig = {
                "configurable": {"thread_id": thread_id, "checkpoint_ns": ""},
                "metadata": {"run_id": spec.run_id},
            }
            await pregel.aupdate_state(config, None, as_node=END)
            await repair(pregel, config)
            if isinstance(pregel.checkpointer, BaseCheckpointSaver):
                lasting = await self._stores.checkpoints.lasting_namespaces(thread_id)
                await repair_subgraphs(pregel.checkpointer, config, lasting, has_stopped=True)
            await reservation.release(has_touched=True)
        return await self._stores.runs.get(spec.run_id) or reservation.run

    @asynccontextmanager
    async def _reserved(self, spec: RunSpec) -> AsyncIterator[Reservation]:
        reservation = await self._reserve(spec)
        try:
            if reservation.lease is None:
                raise TooManyRuns("as many runs are active as may be; try again in a moment")
            yield reservation
        finally:
            await reservation.release()


def _lock(graph: str, thread: Thread, checkpoint_id: str | None) -> RunSpec:
    """Return a run that reserves the thread, and keeps the checkpoint until it has ended.

    Raises ThreadInterrupted if a question would be lost.

    At a breakpoint nothing is asked: there a state is updated before its run is resumed.
    """
    run = thread.run
    is_paused = run is not None and run.status == "interrupted" and run.last is not None
    if run is None or not is_paused:
        return RunSpec(graph, None, thread.thread_id, new_id(), attached=True, checkpoint_id=checkpoint_id)
    if run.last is not None and run.last.data["interrupts"]:
        raise ThreadInterrupted(
            f"thread {thread.thread_id!r} waits for the answer to an interrupt; answer it, or withdraw it"
        )
    run_id = run.spec.run_id
    return RunSpec(
        graph,
        None,
        thread.thread_id,
        new_id(),
        attached=True,
        answers={},
        answered=run_id,
        checkpoint_id=checkpoint_id,
    )


def _check_node(pregel: AnyPregel, update: StateUpdate) -> None:
    if update.as_node in (COPY, END):
        if update.values is not None:
            raise InvalidInput("values", f"must be null if as_node is {update.as_node}")
    elif update.as_node is not None and update.as_node not in pregel.nodes:
        there = ", ".join(name for name in pregel.nodes if not name.startswith("__"))
        raise InvalidInput("as_node", f"is no node of the graph; there are {there}")
    elif update.values is None:
        raise InvalidInput("values", f"is missing; only as_node {COPY} or {END} needs none")


async def _check_still_there(pregel: AnyPregel, config: RunnableConfig) -> None:
    """Raise UnknownCheckpoint if the state was dropped before it was reserved.

    LangGraph would take it for that of an empty thread.
    """
    checkpoint_id = config["configurable"].get("checkpoint_id")
    saver = pregel.checkpointer
    if checkpoint_id is None or not isinstance(saver, BaseCheckpointSaver):
        return
    if await saver.aget_tuple(config) is None:
        raise UnknownCheckpoint(f"the checkpoint {checkpoint_id!r} is no longer kept")


async def _write(pregel: AnyPregel, config: RunnableConfig, update: StateUpdate) -> None:
    try:
        await pregel.aupdate_state(config, update.values, as_node=update.as_node)
    except AppError:
        raise
    except InvalidUpdateError as error:
        if update.as_node is None and "as_node" in str(error):
            raise InvalidInput("as_node", "is missing; several nodes may have written last") from None
        raise InvalidInput("values", "is not what the graph's state accepts") from error
    except Exception as error:
        # The graph's own reducers and edges run here.
        log.warning(
            "the state of thread %s can't be updated", config["configurable"]["thread_id"], exc_info=error
        )
        raise InvalidInput(
            "values", "is not accepted by the graph; the server's log has the reason"
        ) from error


def _config(thread: Thread, checkpoint_id: str | None) -> RunnableConfig:
    place = {"thread_id": thread.thread_id, "checkpoint_ns": ""}
    return {
        "configurable": place | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {}),
        "metadata": {"run_id": thread.run.spec.run_id} if thread.run else {},
    }
