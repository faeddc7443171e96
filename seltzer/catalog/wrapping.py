"""What a graph's file has -> something LangGraph can run."""

from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.base import RunnableBinding
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from seltzer.runs.graph import AnyPregel


class NotAGraph(TypeError):
    """A value that is neither a graph nor any other Runnable."""

    todo = "name a compiled graph, a StateGraph, a function that makes one, or any Runnable"


def as_runnable(found: object) -> Runnable[Any, Any]:
    """Return the graph or Runnable; a StateGraph is compiled. Raises NotAGraph for anything else."""
    made = found.compile() if isinstance(found, StateGraph) else found
    if isinstance(made, RunnableBinding) and isinstance(made.bound, Pregel) and _is_plain(made):
        return made.bound.with_config(made.config)
    if isinstance(made, Runnable):
        return made
    raise NotAGraph(f"it is {type(made).__name__!r}, not a graph, nor a function that returns one")


def as_pregel(name: str, found: object) -> AnyPregel:
    """Return a graph that LangGraph can run: a bare Runnable becomes a graph of one step.

    Raises NotAGraph for what is neither.
    """
    runnable = as_runnable(found)
    return runnable if isinstance(runnable, Pregel) else _wrap(name, runnable)


def _is_plain(binding: RunnableBinding[Any, Any]) -> bool:
    """Return whether a binding adds nothing to a graph but a config and types."""
    return not binding.kwargs and not binding.config_factories


def _wrap(name: str, runnable: Runnable[Any, Any]) -> AnyPregel:
    """Make a graph of one step, which writes each chunk as the runnable makes it."""

    async def step(value: Any, config: RunnableConfig) -> Any:
        write, whole = get_stream_writer(), None
        async for chunk in runnable.astream(value, config):
            write(chunk)
            whole = chunk if whole is None else whole + chunk
        return whole

    step.__name__ = name
    return entrypoint()(step)
