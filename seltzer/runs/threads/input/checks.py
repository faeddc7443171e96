"""Checks of a run against its thread, before its row is written."""

from collections.abc import Mapping
from dataclasses import replace

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.errors import InvalidInput, UnknownCheckpoint, UnknownThread
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Stores
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.conversations import Conversations
from seltzer.runs.threads.input.results import first_not_open, results_for_thread
from seltzer.runs.threads.pending_nodes import pending_nodes
from seltzer.runs.threads.thread_messages import messages_at


class StartChecks:
    """The checks of runs that are about to be started. pregels execute them, each with its checkpointer."""

    def __init__(self, stores: Stores, pregels: Mapping[str, AnyPregel], threads: Conversations) -> None:
        self._stores = stores
        self._pregels = pregels
        self._threads = threads

    async def check(self, spec: RunSpec) -> RunSpec:
        """Return the run with the checkpoint that it begins from as its thread is now.

        Raises UnknownThread, UnknownCheckpoint or InvalidInput if it can't begin there. A run that was
        started before is the store's to compare: what it began with may be used up. Raises RunDeleted for
        one that was deleted with its thread.
        """
        try:
            placed = await self._placed(spec)
            await self._check_checkpoint(placed)
            await self.check_results(placed, "input")
        except (InvalidInput, UnknownCheckpoint, UnknownThread):
            if await self._stores.runs.get(spec.run_id) is None:
                await self._stores.runs.check_not_deleted(spec.run_id)
                raise
            return spec
        return placed

    async def _placed(self, spec: RunSpec) -> RunSpec:
        if spec.from_message is None:
            return spec
        if not spec.from_message:
            return replace(spec, checkpoint_id=await self._threads.newest_turn(spec.graph, spec.thread_id))
        found = await self._threads.turn_of(spec.graph, spec.thread_id, spec.from_message)
        if found is None:
            raise InvalidInput("from_message", "is none of the thread's messages whose turn is kept")
        return replace(spec, checkpoint_id=found)

    async def check_results(self, spec: RunSpec, field: str) -> None:
        """Raise InvalidInput if the run's input has a result of a call that its thread doesn't wait for.

        field: what the input is called. While another run is active on the thread, nothing is certain: then
        it is the run that fails.
        """
        if not (results := results_for_thread(spec.input)):
            return
        thread = await self._stores.threads.get(spec.thread_id)
        if thread is not None and thread.status == "busy":
            return
        pregel = self._pregels[spec.graph]
        saver = pregel.checkpointer
        found = await saver.aget_tuple(_place(spec)) if isinstance(saver, BaseCheckpointSaver) else None
        messages = messages_at(pregel, found.checkpoint["channel_values"]) if found else ()
        if unknown := first_not_open(results, messages):
            raise InvalidInput(f"{field}.{unknown.place}", "the thread waits for no result of such a call")

    async def _check_checkpoint(self, spec: RunSpec) -> None:
        if spec.checkpoint_id is None:
            return
        saver, place = self._pregels[spec.graph].checkpointer, _place(spec)
        found = await saver.aget_tuple(place) if isinstance(saver, BaseCheckpointSaver) else None
        if found is None:
            raise UnknownCheckpoint(f"thread {spec.thread_id!r} has no checkpoint {spec.checkpoint_id!r}")
        if spec.input is not None or spec.attached:  # an attached run's input is still to be read
            return
        # A node that the graph no longer has is the run's to name.
        if not pending_nodes(found) and not (await self._pregels[spec.graph].aget_state(place)).next:
            raise InvalidInput("from_checkpoint", "is the end of a turn: nothing runs there without an input")


def _place(spec: RunSpec) -> RunnableConfig:
    place = {"thread_id": spec.thread_id, "checkpoint_ns": ""}
    return {
        "configurable": place | ({"checkpoint_id": spec.checkpoint_id} if spec.checkpoint_id else {}),
    }
