"""Runs that begin from an earlier checkpoint of their thread: what has to be written before."""

from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Checkpoints
from seltzer.runs.threads.forks import fork
from seltzer.runs.threads.subgraph_branches import restore_subgraphs


@dataclass(frozen=True, slots=True)
class Rewind:
    """The checkpoint that a run begins from. forks: it begins from a copy, without what was written there."""

    pregel: AnyPregel
    config: RunnableConfig
    checkpoints: Checkpoints
    found: CheckpointTuple
    forks: bool

    async def write(self) -> str:
        """Write the subgraphs' states as they were there, and the copy; return where the graph begins.

        It has to begin there by the checkpoint's id, be it the newest one, too: where a graph only continues,
        LangGraph has its subgraphs continue as well, and drops what they are called with.
        """
        saver, checkpoint_id = self.pregel.checkpointer, self.found.checkpoint["id"]
        if not isinstance(saver, BaseCheckpointSaver):
            return checkpoint_id
        await restore_subgraphs(saver, self.config, self.checkpoints, checkpoint_id)
        return await fork(saver, self.config, self.found) if self.forks else checkpoint_id
