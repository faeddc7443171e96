"""Edits whose process died: rolled back, unless all had been written."""

from collections.abc import Mapping
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.errors import StorageFailed
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Checkpoints
from seltzer.runs.run import Run, RunSpec

EDIT: Final = "edit"  # a checkpoint's metadata: the run of the edit that has written it
WITHDRAWN: Final = "withdrawn"  # the data of a withdrawal's last event: the run whose interrupt it was


async def newest_edit(pregel: AnyPregel, spec: RunSpec) -> Mapping[str, Any]:
    """Return the place of what the edit has written last. Raises StorageFailed if nothing is there."""
    place = await made_at(pregel, spec)
    if place is None:
        raise StorageFailed("the edit can't be stored; the server's log has the reason")
    return place


async def made_at(pregel: AnyPregel, spec: RunSpec) -> Mapping[str, Any] | None:
    """Return the place of the graph's checkpoint that the edit has written last; None if there is none."""
    saver = pregel.checkpointer
    if not isinstance(saver, BaseCheckpointSaver):
        return None
    thread: RunnableConfig = {"configurable": {"thread_id": spec.thread_id, "checkpoint_ns": ""}}
    found = [each async for each in saver.alist(thread, filter={EDIT: spec.run_id}, limit=1)]
    return {"checkpoint_id": found[0].checkpoint["id"]} if found else None


async def recover(pregel: AnyPregel | None, run: Run, checkpoints: Checkpoints) -> Mapping[str, Any] | None:
    """Roll back what the edit's run has written, unless the edit is made: then return its place.

    pregel: None if its graph isn't served any more. Then the place isn't looked for.
    """
    await checkpoints.roll_back(run.spec.thread_id, [run.spec.run_id], by=run)
    return None if pregel is None else await made_at(pregel, run.spec)
