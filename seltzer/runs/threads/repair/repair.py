"""Makes a thread whole again whose last run was stopped, crashed or failed.

A stopped tool's call has no result in the thread, and providers refuse every turn after it. Results are
appended to every conversation in the state, through its reducer, or past one that would drop them
(appending.py). Those that subgraphs keep of their own are subgraph_memory.py's.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels.base import BaseChannel
from langgraph.checkpoint.base import CheckpointTuple

from seltzer.errors import StateNotStorable
from seltzer.runs.graph import AnyPregel
from seltzer.runs.messages.spellings import MESSAGES, read_message
from seltzer.runs.schemas.schemas import ROOT
from seltzer.runs.threads.repair.appending import NotAppendable, write_appending
from seltzer.runs.threads.repair.open_calls import is_conversation, open_calls, unanswered_calls
from seltzer.runs.threads.repair.subgraph_memory import written_results
from seltzer.runs.threads.state_reading import ReadState, end_step, read_state, read_without_writes
from seltzer.runs.threads.thread_messages import is_function
from seltzer.runs.threads.writer import write_without_edges

log = logging.getLogger(__name__)


async def repair(
    pregel: AnyPregel,
    config: RunnableConfig,
    answer: AIMessage | None = None,
    *,
    returned_by: str | None = None,
) -> None:
    """Add to the thread what its stopped run lacks, so that a plain new input works.

    What the stopped step's finished nodes have returned is kept, the others are dropped (if the state's
    channels refuse it, only results of calls are kept). Calls without a result get an error result; answer,
    an unfinished one, is last among the graph's messages, unless the thread has it. Writes nothing if nothing
    is missing. Not for a run that waits for a person: its question would be lost. returned_by: the node that
    has returned the answer, which isn't added then unless what that node has written couldn't be stored.

    The checkpoints belong to the run that config's metadata names. None of the graph's nodes and edges is
    run, but its state's reducers are; what the checkpointer raises is raised. A conversation that can't be
    repaired is logged.
    """
    read = await read_state(pregel, config)
    is_stored = returned_by is not None and returned_by not in read.state.next
    try:
        await _repair(pregel, config, read, None if is_stored else answer)
    except StateNotStorable:  # what the reducers have made of the step's writes
        without_writes = await read_without_writes(pregel, config) if read.refused is None else None
        if without_writes is None:
            raise
        await _repair(pregel, config, without_writes, answer)


async def _repair(
    pregel: AnyPregel, config: RunnableConfig, read: ReadState, answer: AIMessage | None
) -> None:
    state, refused = read
    conversations = _conversations(pregel, state.values)
    writes = _writes(pregel, conversations, refused, answer)
    has_finished_nodes = bool(conversations) and len(state.next) < len(state.tasks)
    if not (writes or has_finished_nodes):
        return
    await end_step(pregel, config, refused)
    if writes:
        await write_without_edges(pregel, config, writes)
        after = _conversations(pregel, (await pregel.aget_state(config)).values)
        _log_open_calls(config, {name: after.get(name, ()) for name in writes})


def _conversations(pregel: AnyPregel, values: Any) -> dict[str, list[Any]]:
    """Return the state's lists that end with a message, by channel.

    None of a function: a run that stops has added nothing to them, and open calls there wait for a client.
    """
    if is_function(pregel):
        return {}
    by_channel = values if isinstance(values, Mapping) else {str(pregel.stream_channels_asis): values}
    return {name: value for name, value in by_channel.items() if is_conversation(value)}


def _writes(
    pregel: AnyPregel,
    conversations: Mapping[str, list[Any]],
    refused: CheckpointTuple | None,
    answer: AIMessage | None,
) -> dict[str, Any]:
    """Return what has to be written to each channel that lacks something."""
    writes = {}
    for name, messages in conversations.items():
        channel = pregel.channels[name]
        missing = [] if refused is None else written_results(refused, name, messages)
        missing += unanswered_calls([*messages, *missing])
        if answer is not None and name in (MESSAGES, ROOT) and not _is_there(answer, messages):
            missing.append(answer)
        if not missing or not isinstance(channel, BaseChannel):
            continue
        try:
            writes[name] = write_appending(channel, messages, missing)
        except NotAppendable:
            log.warning("nothing can be appended to channel %r of graph %s", name, pregel.name)
    return writes


def _is_there(answer: AIMessage, messages: Sequence[Any]) -> bool:
    """Return whether the node that streamed the answer had returned it after all, even under another id."""
    read = [read_message(each) for each in messages]
    if answer.id and any(message is not None and message.id == answer.id for message in read):
        return True
    return isinstance(read[-1], AIMessage) and read[-1].text.startswith(answer.text)


def _log_open_calls(config: RunnableConfig, conversations: Mapping[str, Sequence[Any]]) -> None:
    for name, messages in conversations.items():
        if calls := open_calls(messages):
            ids = ", ".join(str(call["id"]) for call in calls)
            thread_id = config["configurable"]["thread_id"]
            log.warning("thread %s: channel %r has calls without results: %s", thread_id, name, ids)
