"""A thread's state as it is now: with what the finished nodes of a step have written that hasn't ended.

The state's channels may refuse that: two nodes have written a key that takes one value, or a reducer raises.
Such a step can't end, and LangGraph can't read its state. The state is then the one that the step began with.
"""

from typing import NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.graph import END
from langgraph.types import StateSnapshot

from seltzer.runs.authors_code import AuthorsCodeFailed, await_authors_code
from seltzer.runs.graph import AnyPregel
from seltzer.runs.threads.forks import fork


class ReadState(NamedTuple):
    """A thread's state. refused: the checkpoint whose writes the channels refuse, if they do."""

    state: StateSnapshot
    refused: CheckpointTuple | None = None


async def read_state(pregel: AnyPregel, config: RunnableConfig) -> ReadState:
    """Return the thread's state. Raises AuthorsCodeFailed if it can't be read at all."""
    try:
        return ReadState(await await_authors_code(pregel.aget_state(config)))
    except AuthorsCodeFailed:
        without_writes = await read_without_writes(pregel, config)
        if without_writes is None:
            raise
        return without_writes


async def read_without_writes(pregel: AnyPregel, config: RunnableConfig) -> ReadState | None:
    """Return the state that the thread's step began with, and that its writes are refused."""
    saver = pregel.checkpointer
    refused = await saver.aget_tuple(config) if isinstance(saver, BaseCheckpointSaver) else None
    if refused is None:
        return None
    return ReadState(await pregel.aget_state(refused.config), refused)  # by its id: without the writes


async def end_step(pregel: AnyPregel, config: RunnableConfig, refused: CheckpointTuple | None = None) -> None:
    """End the thread's step with those of its nodes that have finished; nothing runs after it.

    Nothing of what they have written is kept if the channels refuse it. The checkpoints belong to the run
    that config's metadata names.
    """
    saver = pregel.checkpointer
    if refused is not None and isinstance(saver, BaseCheckpointSaver):
        await fork(saver, config, refused)
    # LangGraph's way to do so. One bulk update with what is missing won't do: its later steps lose the
    # config's metadata.
    await pregel.aupdate_state(config, None, as_node=END)
