"""Nodes that a thread was about to run and that its graph no longer has: renamed or removed in between.

LangGraph drops them in silence: the run would end as a success, without the answer to a question or without
the rest of its work.
"""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.pregel import Pregel

from seltzer.runs.graph import AnyPregel
from seltzer.runs.threads.pending_nodes import pending_nodes


async def missing_nodes(pregel: AnyPregel, config: RunnableConfig) -> list[str]:
    """Return the names of the missing nodes; a subgraph's have the subgraph's before them, `outer.inner`."""
    saver = pregel.checkpointer
    if not isinstance(saver, BaseCheckpointSaver):
        return []
    return await _Search(pregel, saver, config).missing(pregel, "", "")


class _Search:
    """Goes through the states of a thread's graph and of the subgraphs that are amid their work."""

    def __init__(self, root: AnyPregel, saver: BaseCheckpointSaver[Any], config: RunnableConfig) -> None:
        self._root = root
        self._saver = saver
        self._config = config

    async def missing(self, pregel: AnyPregel, namespace: str, path: str) -> list[str]:
        place = self._place(namespace)
        found = await self._saver.aget_tuple(place)
        if found is None:
            return []
        pending = pending_nodes(found)
        if gone := sorted(pending - pregel.nodes.keys()):
            return [path + name for name in gone]
        subgraphs = {name: each for name, each in pregel.get_subgraphs() if isinstance(each, Pregel)}
        if not pending & subgraphs.keys():
            return []
        missing = []
        for task in (await self._root.aget_state(place)).tasks:
            if (subgraph := subgraphs.get(task.name)) is not None:
                inner = "|".join(filter(None, (namespace, f"{task.name}:{task.id}")))
                is_lasting = subgraph.checkpointer is True
                missing += await self.missing(
                    subgraph, _without_tasks(inner) if is_lasting else inner, f"{path}{task.name}."
                )
        return missing

    def _place(self, namespace: str) -> RunnableConfig:
        return {**self._config, "configurable": {**self._config["configurable"], "checkpoint_ns": namespace}}


def _without_tasks(namespace: str) -> str:
    """Return the namespace of a subgraph that keeps its state from turn to turn."""
    return "|".join(part.partition(":")[0] for part in namespace.split("|"))
