"""An attempt's input for its graph: the run's own, or none, to continue an earlier attempt's state."""

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.types import Command

from seltzer.runs.execution.fence import FENCE
from seltzer.runs.execution.translation.state_answer import STRUCTURED
from seltzer.runs.failure import GRAPH_CHANGED, failure
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Checkpoints, Stores
from seltzer.runs.run import Run
from seltzer.runs.threads.forks import has_asked
from seltzer.runs.threads.graph_changes import missing_nodes
from seltzer.runs.threads.input.completion import complete_input
from seltzer.runs.threads.input.results import first_not_open, results_for_thread
from seltzer.runs.threads.rewinds import Rewind
from seltzer.runs.threads.state_reading import read_state
from seltzer.runs.threads.thread_messages import messages_at
from seltzer.runs.threads.turns import start_of_turn

ROOT: Final = ""  # the namespace of the graph itself
CRASHES_LIMIT: Final = 3  # a run that kills its process each time must not do so for ever


@dataclass(frozen=True, slots=True)
class GraphInput:
    """The input: None has the graph continue from its thread's last checkpoint.

    values are the thread's, for readers of a later attempt; is_ours: this run has written them.
    has_structured: what of the turn was executed before has set a structured response. rewind: to where the
    graph begins instead, if not at its thread's last checkpoint.
    """

    input: Any
    values: Any = None
    is_ours: bool = False
    has_structured: bool = False
    rewind: Rewind | None = None

    async def prepare(self) -> str | None:
        """Write what a run that begins from an earlier state needs: from here on it touches its thread.

        Return the checkpoint that the graph begins from, if not from its thread's last one.
        """
        return None if self.rewind is None else await self.rewind.write()


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
    checkpoint_id = await _settle_interrupts(run, stores, was_queued=was_queued)
    if spec.from_message is not None:
        refs = await stores.checkpoints.tree(spec.thread_id)
        found = await start_of_turn(pregel, spec.thread_id, refs, spec.from_message)
        checkpoint_id = found or checkpoint_id  # the message may have been rolled back meanwhile
    if run.attempt == 1:
        if spec.answers is None:
            return await _begin(run, pregel, config, checkpoint_id, stores.checkpoints)
        await _check_nodes(pregel, config)
        # At a static breakpoint there is nothing to answer: the graph just continues.
        return GraphInput(
            Command(resume=dict(spec.answers)) if spec.answers else None,
            has_structured=await _has_set_structured(pregel, config),
        )
    state, _ = await read_state(pregel, config)
    is_ours = (state.metadata or {}).get("run_id") == spec.run_id
    if not is_ours and spec.answers is None:
        if checkpoint_id is not None:
            state = await pregel.aget_state(_at(config, checkpoint_id))
        begun = await _begin(run, pregel, config, checkpoint_id, stores.checkpoints)
        return replace(begun, values=state.values)
    await _check_nodes(pregel, config)
    return GraphInput(
        None,
        values=state.values,
        is_ours=is_ours,
        has_structured=await _has_set_structured(pregel, config),
    )


async def _check_nodes(pregel: AnyPregel, config: RunnableConfig) -> None:
    """Raise RunFailed if the thread is about to run a node that the graph no longer has."""
    if missing := await missing_nodes(pregel, config):
        names = ", ".join(repr(name) for name in missing)
        raise failure(GRAPH_CHANGED, about=f"it has no node {names} any more.")


async def _begin(
    run: Run,
    pregel: AnyPregel,
    config: RunnableConfig,
    checkpoint_id: str | None,
    checkpoints: Checkpoints,
) -> GraphInput:
    """Return the run's own input, and a result for each tool call that is open where it begins: at the
    checkpoint, or else at the thread's newest state.

    Raises RunFailed if the state that it begins from is gone, as LangGraph would take it for that of a new
    thread, and would run nothing from the state before a question that was removed meanwhile; and if it has
    the result of a call that isn't open there.
    """
    input, is_again = run.spec.input, run.spec.input is None and checkpoint_id is not None
    if input is None and run.spec.from_message is not None and checkpoint_id is None:
        raise failure("unknown_checkpoint")  # the turn is gone that was to be run again
    if is_again:
        await _check_nodes(pregel, _at(config, checkpoint_id))
    if is_again and not (await pregel.aget_state(_at(config, checkpoint_id))).next:
        raise failure("unknown_checkpoint")
    found = await _read_ahead(pregel, config, checkpoint_id)
    if checkpoint_id is not None and found is None:
        raise failure("unknown_checkpoint")
    rewind = (
        None
        if found is None or checkpoint_id is None
        else Rewind(pregel, config, checkpoints, found, is_again and has_asked(found))
    )
    if rewind is not None and rewind.forks:
        return GraphInput(None, rewind=rewind)
    values = {} if found is None else found.checkpoint["channel_values"]
    if first_not_open(results_for_thread(input), messages_at(pregel, values)) is not None:
        raise failure("unknown_tool_call")
    return GraphInput(complete_input(pregel, input, values), rewind=rewind)


async def _read_ahead(
    pregel: AnyPregel, config: RunnableConfig, checkpoint_id: str | None
) -> CheckpointTuple | None:
    """Return the checkpoint that the graph will begin from; its own read of it gets the same object."""
    saver, fence = pregel.checkpointer, config["configurable"][FENCE]
    if fence.is_thread_new or not isinstance(saver, BaseCheckpointSaver):
        return None
    found = await saver.aget_tuple(_at(config, checkpoint_id))
    fence.ahead[ROOT, checkpoint_id] = found
    return found


def _at(config: RunnableConfig, checkpoint_id: str | None) -> RunnableConfig:
    """Return the config of the graph's own state there; of its newest one, without an id."""
    place = {"checkpoint_ns": ROOT} | ({} if checkpoint_id is None else {"checkpoint_id": checkpoint_id})
    return {**config, "configurable": {**config["configurable"], **place}}


async def _has_set_structured(pregel: AnyPregel, config: RunnableConfig) -> bool:
    """Return whether the newest turn has written the structured response, be it the same as before."""
    saver = pregel.checkpointer
    if STRUCTURED not in pregel.channels or not isinstance(saver, BaseCheckpointSaver):
        return False
    place: RunnableConfig = {
        "configurable": {"thread_id": config["configurable"]["thread_id"], "checkpoint_ns": ROOT}
    }
    newest = await saver.aget_tuple(place)
    if newest is None:
        return False
    version = newest.checkpoint["channel_versions"].get(STRUCTURED)
    async with aclosing(saver.alist(place, filter={"source": "input"}, limit=1)) as firsts:  # type: ignore[type-var]  # typed as an iterator, is a generator
        async for first in firsts:
            return bool(version != first.checkpoint["channel_versions"].get(STRUCTURED))
    return False


async def _settle_interrupts(run: Run, stores: Stores, *, was_queued: bool) -> str | None:
    """Remove a question that nobody has answered from the thread, if the run's on_busy is rollback.

    A run that waited for its turn may find that the one before it has ended with a question. Return the
    checkpoint that the run begins from, if its spec names one: that may have been removed with the question.
    """
    spec = run.spec
    if spec.answers is not None or not (was_queued or spec.on_busy == "rollback"):
        return spec.checkpoint_id
    interrupted = await stores.threads.interrupted(spec.thread_id)
    if interrupted and spec.on_busy != "rollback":
        raise failure("thread_interrupted")
    if interrupted:
        await stores.checkpoints.roll_back(spec.thread_id, interrupted, by=run)
    row = await stores.runs.get(spec.run_id) if interrupted and spec.checkpoint_id else None
    return spec.checkpoint_id if row is None else row.spec.checkpoint_id
