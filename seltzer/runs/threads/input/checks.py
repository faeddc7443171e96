"""Checks of a run against its thread, before its row is written."""

from collections.abc import Mapping

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.errors import InvalidInput, UnknownCheckpoint
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Stores
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.input.results import first_not_open, results_for_thread
from seltzer.runs.threads.thread_messages import messages_at


class StartChecks:
    """The checks of runs that are about to be started. pregels execute them, each with its checkpointer."""

    def __init__(self, stores: Stores, pregels: Mapping[str, AnyPregel]) -> None:
        self._stores = stores
        self._pregels = pregels

    async def check(self, spec: RunSpec) -> None:
        """Raise UnknownCheckpoint or InvalidInput if the run can't begin on its thread.

        A run that was started before is the store's to compare: what it began with may be used up.
        """
        try:
            await self._check_checkpoint(spec)
            await self.check_results(spec, "input")
        except (InvalidInput, UnknownCheckpoint):
            if await self._stores.runs.get(spec.run_id) is None:
                raise

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
        state = await self._pregels[spec.graph].aget_state(_place(spec))
        if state.created_at is None:
            raise UnknownCheckpoint(f"thread {spec.thread_id!r} has no checkpoint {spec.checkpoint_id!r}")
        if spec.input is None and not (spec.attached or state.next):
            raise InvalidInput("from_checkpoint", "is the end of a turn: nothing runs there without an input")


def _place(spec: RunSpec) -> RunnableConfig:
    place = {"thread_id": spec.thread_id, "checkpoint_ns": ""}
    return {
        "configurable": place | ({"checkpoint_id": spec.checkpoint_id} if spec.checkpoint_id else {}),
    }
