"""Writes to a thread's state in the name of none of its graph's nodes, so that none of their edges is run."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.pregel import NodeBuilder

from seltzer.runs.graph import AnyPregel

_WRITER: Final = "__seltzer_writer"


async def write_without_edges(pregel: AnyPregel, config: RunnableConfig, writes: Mapping[str, Any]) -> None:
    """Write to the state's channels by one more node, which nothing triggers and no edge leaves.

    The checkpoint belongs to the run that config's metadata names.
    """
    writer = NodeBuilder().write_to(**{name: partial(_of, name) for name in writes}).build()
    with_writer = pregel.copy({"nodes": {**pregel.nodes, _WRITER: writer}})
    await with_writer.aupdate_state(config, writes, as_node=_WRITER)


def _of(name: str, update: Mapping[str, Any]) -> Any:
    return update[name]
