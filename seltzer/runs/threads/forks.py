"""Forks of a state at which a question was asked: a copy without the question and the answers to it.

Releases of LangGraph differ in what they do when a graph runs again there: some repeat the earlier answers.
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

from seltzer.runs.graph import AnyPregel

INTERRUPT: Final = "__interrupt__"  # LangGraph's name for it in a task's writes


def has_asked(found: CheckpointTuple) -> bool:
    """Return whether a node has asked at the checkpoint, be the question answered or not."""
    return any(channel == INTERRUPT for _, channel, _ in found.pending_writes or ())


async def fork(pregel: AnyPregel, config: RunnableConfig, found: CheckpointTuple) -> None:
    """Put a copy after the checkpoint, as the thread's newest state; none of what was written there is kept.

    The copy belongs to the run that config's metadata names.
    """
    saver: Any = pregel.checkpointer
    if not isinstance(saver, BaseCheckpointSaver):
        return
    step = found.metadata.get("step", -1) + 1
    checkpoint = copy_checkpoint(found.checkpoint)
    checkpoint["id"] = str(uuid6(clock_seq=step))
    place = {**config["configurable"], "checkpoint_ns": "", "checkpoint_id": found.checkpoint["id"]}
    metadata: CheckpointMetadata = {
        "source": "fork",
        "step": step,
        "parents": found.metadata.get("parents", {}),
    }
    await saver.aput({**config, "configurable": place}, checkpoint, metadata, {})
