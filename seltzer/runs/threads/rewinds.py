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

    async def write(self) -> None:
        """Write the subgraphs' states as they were there, and the copy."""
        saver = self.pregel.checkpointer
        if not isinstance(saver, BaseCheckpointSaver):
            return
        await restore_subgraphs(saver, self.config, self.checkpoints, self.found.checkpoint["id"])
        if self.forks:
            await fork(saver, self.config, self.found)
