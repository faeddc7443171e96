"""The config that a graph runs with: the author's bound config, the request's, and the server's."""

from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.runs.execution.fence import FENCE, Fence
from seltzer.runs.graph import AnyPregel, Graph
from seltzer.runs.run import RunSpec


def thread_config(spec: RunSpec, fence: Fence) -> RunnableConfig:
    """Return the config that names the run's thread, and the run whose writes these are."""
    return {
        "configurable": {"thread_id": spec.thread_id, FENCE: fence},
        "metadata": {"run_id": spec.run_id},
    }


def request_config(spec: RunSpec, fence: Fence, callbacks: Callbacks) -> RunnableConfig:
    """Return the request's config; the server's own keys win."""
    own, labels = thread_config(spec, fence), spec.labels
    return {
        "configurable": {**spec.configurable, **own["configurable"]},
        "metadata": {**labels.metadata, "thread_id": spec.thread_id, **own["metadata"]},
        "tags": list(labels.tags),
        "run_name": labels.run_name or spec.graph,
        "callbacks": callbacks,
    }


def public_config(config: RunnableConfig) -> RunnableConfig:
    """Return the config without what is the server's own, as a graph's factory gets it."""
    given = {key: value for key, value in config["configurable"].items() if key != FENCE}
    return {**config, "configurable": given}


def executable(pregel: AnyPregel, saver: BaseCheckpointSaver[Any] | bool | None) -> AnyPregel:
    """Return the graph with the saver, and without its bound config: graph_config() has that."""
    return pregel.copy({"checkpointer": saver, "config": None})


def graph_config(
    spec: RunSpec, graph: Graph, pregel: AnyPregel, request: RunnableConfig, steps: int
) -> RunnableConfig:
    """Return the request's config merged with what is bound to the pregel.

    Releases of LangGraph differ in which of tags, metadata and callbacks they replace or merge. steps is the
    limit where neither the request nor the graph has one.
    """
    bound = pregel.config or {}
    merged = merge_configs(bound, request)
    merged["recursion_limit"] = (
        spec.max_steps or bound.get("recursion_limit") or graph.recursion_limit or steps
    )
    return merged
