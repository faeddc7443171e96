"""An attempt's input for its graph: the run's own, or none, to continue an earlier attempt's state."""

from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command

from seltzer.runs.execution.translation.state_answer import STRUCTURED
from seltzer.runs.failure import failure
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Stores
from seltzer.runs.run import Run

CRASHES_LIMIT: Final = 3  # a run that kills its process each time must not do so for ever


@dataclass(frozen=True, slots=True)
class GraphInput:
    """The input: None has the graph continue from its thread's last checkpoint.

    values are the thread's, for readers of a later attempt; is_ours: this run has written them.
    has_structured: what of the turn was executed before has set a structured response.
    """

    input: Any
    values: Any = None
    is_ours: bool = False
    has_structured: bool = False


async def read_input(
    run: Run, pregel: AnyPregel, config: RunnableConfig, stores: Stores, *, was_queued: bool
) -> GraphInput:
    """Return what the graph gets. Raises RunFailed if the run can't be executed.

    An answer to an interrupt is passed once: repeated, it would answer the next one.
    """
    spec = run.spec
    if spec.attached and run.attempt > 1:  # its request is gone, with the process that had it
        raise failure("client_gone")
    if run.crashes >= CRASHES_LIMIT:
        raise failure("run_crashed")
    # In each attempt: the one before may have died before it did.
    await _settle_interrupts(run, stores, was_queued=was_queued)
    if run.attempt == 1:
        if spec.answers is None:
            return GraphInput(spec.input)
        # At a static breakpoint there is nothing to answer: the graph just continues.
        return GraphInput(
            Command(resume=dict(spec.answers)) if spec.answers else None,
            has_structured=await _has_set_structured(pregel, config),
        )
    state = await pregel.aget_state(config)
    is_ours = (state.metadata or {}).get("run_id") == spec.run_id
    continues = is_ours or spec.answers is not None
    return GraphInput(
        None if continues else spec.input,
        state.values,
        is_ours,
        has_structured=continues and await _has_set_structured(pregel, config),
    )


async def _has_set_structured(pregel: AnyPregel, config: RunnableConfig) -> bool:
    """Return whether the newest turn has written the structured response, be it the same as before."""
    saver = pregel.checkpointer
    if STRUCTURED not in pregel.channels or not isinstance(saver, BaseCheckpointSaver):
        return False
    place: RunnableConfig = {
        "configurable": {"thread_id": config["configurable"]["thread_id"], "checkpoint_ns": ""}
    }
    newest = await saver.aget_tuple(place)
    if newest is None:
        return False
    version = newest.checkpoint["channel_versions"].get(STRUCTURED)
    async with aclosing(saver.alist(place, filter={"source": "input"}, limit=1)) as firsts:  # type: ignore[type-var]  # typed as an iterator, is a generator
        async for first in firsts:
            return bool(version != first.checkpoint["channel_versions"].get(STRUCTURED))
    return False


async def _settle_interrupts(run: Run, stores: Stores, *, was_queued: bool) -> None:
    """Remove a question that nobody has answered from the thread, if the run's on_busy is rollback.

    A run that waited for its turn may find that the one before it has ended with a question.
    """
    spec = run.spec
    if spec.answers is not None or not (was_queued or spec.on_busy == "rollback"):
        return
    interrupted = await stores.threads.interrupted(spec.thread_id)
    if interrupted and spec.on_busy != "rollback":
        raise failure("thread_interrupted")
    if interrupted:
        await stores.checkpoints.roll_back(spec.thread_id, interrupted)
