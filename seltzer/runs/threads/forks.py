"""Copies of a checkpoint, by which a thread or a subgraph goes back to it, without what was written there.

They stand in for LangGraph's `__copy__`, whose checkpoint belongs to no run and is a sibling of what it
copies, and for running again at an answered question: releases of LangGraph differ in whether they repeat the
answers.
"""

from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    CheckpointMetadata,
    CheckpointTuple,
    copy_checkpoint,
)
from langgraph.checkpoint.base.id import uuid6

INTERRUPT: Final = "__interrupt__"  # LangGraph's name for it in a task's writes


def has_asked(found: CheckpointTuple) -> bool:
    """Return whether a node has asked at the checkpoint, be the question answered or not."""
    return any(channel == INTERRUPT for _, channel, _ in found.pending_writes or ())


async def fork(
    saver: BaseCheckpointSaver[Any], config: RunnableConfig, found: CheckpointTuple, *, is_child: bool = True
) -> str:
    """Put a copy after the checkpoint, as the newest one of its namespace; return the copy's id.

    is_child: else the copy has no parent, and begins a branch of its own. The copy belongs to the run that
    config's metadata names.
    """
    step = found.metadata.get("step", -1) + 1
    checkpoint = copy_checkpoint(found.checkpoint)
    checkpoint["id"] = str(uuid6(clock_seq=step))
    place = {**config["configurable"], "checkpoint_ns": found.config["configurable"].get("checkpoint_ns", "")}
    place.pop("checkpoint_id", None)
    if is_child:
        place["checkpoint_id"] = found.checkpoint["id"]
    metadata: CheckpointMetadata = {
        "source": "fork",
        "step": step,
        "parents": found.metadata.get("parents", {}),
    }
    if "counters_since_delta_snapshot" in found.metadata:  # LangGraph's, of channels stored by their changes
        metadata["counters_since_delta_snapshot"] = found.metadata["counters_since_delta_snapshot"]
    await saver.aput({**config, "configurable": place}, checkpoint, metadata, {})
    return checkpoint["id"]
