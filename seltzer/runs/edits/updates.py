"""A thread's state updated by hand, as LangGraph's update_state does it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import InvalidUpdateError
from langgraph.graph import END

from seltzer.errors import InvalidInput, UnknownCheckpoint
from seltzer.runs.authors_code import AuthorsCodeFailed, await_authors_code
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Checkpoints
from seltzer.runs.threads.forks import fork
from seltzer.runs.threads.subgraph_branches import restore_subgraphs
from seltzer.runs.threads.thread_messages import is_function
from seltzer.runs.threads.turns import turn_of
from seltzer.runs.threads.writer import write_without_edges
from seltzer.runs.tree import state_before

log = logging.getLogger(__name__)

COPY: Final = "__copy__"  # LangGraph's: the checkpoint becomes the newest one again, as it is


@dataclass(frozen=True, slots=True)
class StateUpdate:
    """What is written to a thread's state, as if the node as_node had returned it.

    as_node may be COPY, without values, or END: the turn ends there, so that none of the graph's edges is run
    and nothing is next. None: the node that has written last. checkpoint_id: the state that it is written to,
    and forks; None for the newest. from_message, only with COPY: the state before the turn that has added
    this message.
    """

    values: Any
    as_node: str | None = None
    checkpoint_id: str | None = None
    from_message: str | None = None


def check_update(pregel: AnyPregel, update: StateUpdate) -> None:
    """Raise InvalidInput if the graph can't be updated so, whatever its thread's state is."""
    if update.from_message is not None and update.as_node != COPY:
        raise InvalidInput("from_message", f"can only be given with as_node {COPY}")
    if update.from_message is not None and update.checkpoint_id is not None:
        raise InvalidInput("from_message", "can't be given together with checkpoint_id")
    if update.as_node == COPY:
        if update.values is not None:
            raise InvalidInput("values", f"must be null if as_node is {COPY}")
    elif update.as_node == END:
        _check_values(pregel, update.values)
    elif update.as_node is not None and update.as_node not in pregel.nodes:
        there = ", ".join(name for name in pregel.nodes if not name.startswith("__"))
        raise InvalidInput("as_node", f"is no node of the graph; there are {there}")
    elif update.values is None:
        raise InvalidInput("values", f"is missing; only as_node {COPY} or {END} needs none")


def _check_values(pregel: AnyPregel, values: Any) -> None:
    """Raise InvalidInput unless the values may be written in the name of no node."""
    known = pregel.stream_channels_asis
    if values is None or isinstance(known, str):
        return
    if not isinstance(values, Mapping):
        raise InvalidInput("values", "must be an object of the state's keys")
    for name in values:
        if name not in known:
            raise InvalidInput("values", "has a key that the graph's state doesn't have")


def check_turn(start: str | None) -> str:
    """Return the checkpoint with which the turn of from_message begins. Raises InvalidInput for None."""
    if start is None:
        raise InvalidInput("from_message", "is none of the thread's messages whose turn is kept")
    return start


async def write_update(
    pregel: AnyPregel, config: RunnableConfig, checkpoints: Checkpoints, update: StateUpdate
) -> None:
    """Write the update, by checkpoints that belong to the run that config's metadata names.

    Raises InvalidInput naming `as_node`, `values` or `from_message`, and UnknownCheckpoint.
    """
    saver = pregel.checkpointer
    if not isinstance(saver, BaseCheckpointSaver):
        return
    thread_id = config["configurable"]["thread_id"]
    if update.from_message is not None:
        refs = await checkpoints.tree(thread_id)
        start = check_turn(await turn_of(pregel, thread_id, refs, update.from_message))
        before = state_before(refs, start)
        if before is None:
            await restore_subgraphs(saver, config, checkpoints, start)
            await _empty(pregel, saver, config, start)
            return
        update = replace(update, checkpoint_id=before)
    place = _at(config, update.checkpoint_id)
    found = await saver.aget_tuple(place)
    if found is None and update.checkpoint_id is not None:
        # It was dropped before its thread was reserved; LangGraph would take it for an empty thread's.
        raise UnknownCheckpoint(f"the checkpoint {update.checkpoint_id!r} is no longer kept")
    if update.checkpoint_id is not None:
        await restore_subgraphs(saver, config, checkpoints, update.checkpoint_id)
    if found is None and update.as_node == COPY:
        raise InvalidInput("as_node", "can't be a copy: the thread has no state yet")
    is_end_of_earlier = update.as_node == END and update.checkpoint_id is not None
    if found is not None and (update.as_node == COPY or is_end_of_earlier):
        await fork(saver, config, found)  # without what the nodes have written there, which END would keep
        place = _at(config, None)
    if update.as_node != COPY:
        await _write(pregel, place, update)


async def _empty(
    pregel: AnyPregel, saver: BaseCheckpointSaver[Any], config: RunnableConfig, start: str
) -> None:
    """Begin a branch with the state before the thread's first turn, which starts there."""
    found = await saver.aget_tuple(_at(config, start))
    if found is None:
        raise UnknownCheckpoint(f"the checkpoint {start!r} is no longer kept")
    await fork(saver, config, found, is_child=False)
    await pregel.aupdate_state(config, None, as_node=END)


async def _write(pregel: AnyPregel, config: RunnableConfig, update: StateUpdate) -> None:
    try:
        await await_authors_code(_written(pregel, config, update))
    except AuthorsCodeFailed as failed:
        error = failed.__cause__
        if update.as_node is None and isinstance(error, InvalidUpdateError) and "as_node" in str(error):
            raise InvalidInput("as_node", "is missing; several nodes may have written last") from None
        if isinstance(error, InvalidUpdateError):
            raise InvalidInput("values", "is not what the graph's state accepts") from error
        log.warning(
            "the state of thread %s can't be updated", config["configurable"]["thread_id"], exc_info=error
        )
        raise InvalidInput(
            "values",
            "is not accepted by the graph; the server's log has the reason (as_node __end__ runs no edges)",
        ) from error


async def _written(pregel: AnyPregel, config: RunnableConfig, update: StateUpdate) -> None:
    if update.as_node == END and update.values is not None and is_function(pregel):
        # It has no edges, and its one node writes what its next run gets.
        update = replace(update, as_node=None)
    if update.as_node != END or update.values is None:
        await pregel.aupdate_state(config, update.values, as_node=update.as_node)
        return
    ended = await pregel.aupdate_state(config, None, as_node=END)
    known = pregel.stream_channels_asis
    writes = {known: update.values} if isinstance(known, str) else update.values
    if writes:
        await write_without_edges(pregel, {**config, "configurable": ended["configurable"]}, writes)


def _at(config: RunnableConfig, checkpoint_id: str | None) -> RunnableConfig:
    place = {"checkpoint_ns": ""} | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {})
    return {**config, "configurable": {**config["configurable"], **place}}
