"""Turns: finds the checkpoint that a turn begins with, to answer or to ask its question again."""

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.runs.threads.open_calls import read_message
from seltzer.runs.tree import Node, branch, questions


async def turn_of(
    saver: BaseCheckpointSaver[Any], thread_id: str, nodes: Sequence[Node], message_id: str
) -> str | None:
    """Return the checkpoint that the turn begins with which has brought the message.

    None if the thread hasn't the message, or if that turn's beginning isn't kept. However long the thread
    is, a few states are read.
    """
    begins = questions(nodes)[::-1]
    ends = [*(node.parent_id for node in begins[1:]), *(node.checkpoint_id for node in branch(nodes)[:1])]

    async def has(at: int) -> bool:
        return message_id in await _message_ids(saver, thread_id, ends[at])

    if not begins or not await has(len(begins) - 1):
        return None
    if message_id in await _message_ids(saver, thread_id, begins[0].checkpoint_id):
        return None
    low, high = -1, len(begins) - 1  # the message is there at the end of `high`, and not at that of `low`
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if await has(middle) else (middle, high)
    return begins[high].checkpoint_id


async def _message_ids(
    saver: BaseCheckpointSaver[Any], thread_id: str, checkpoint_id: str | None
) -> set[str | None]:
    place: RunnableConfig = {
        "configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}
    }
    found = await saver.aget_tuple(place)
    values = found.checkpoint["channel_values"] if found else {}
    lists = [value for value in values.values() if isinstance(value, list)]
    read = [read_message(each) for each in (message for value in lists for message in value)]
    return {message.id for message in read if message is not None}
