"""Turns and branches: where a turn begins, to ask its question again, and what else a thread leads to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from seltzer.runs.messages.spellings import read_message
from seltzer.runs.tree import Node, branch, forked_from, leaves, questions

TEXT_CHARS: Final = 200


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


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch of a thread: its last checkpoint, and the one at which it forks from another, if it does.

    text is that of its last message, shortened; is_newest: the thread's next run continues it.
    """

    checkpoint_id: str
    forked_from: str | None
    created_at: str
    run_id: str
    text: str
    is_newest: bool


async def branches(
    saver: BaseCheckpointSaver[Any], thread_id: str, nodes: Sequence[Node], limit: int
) -> list[Branch]:
    """Return the thread's branches, the one written last first, at most limit of them."""
    found = []
    for leaf in leaves(nodes)[:limit]:
        state = await _read(saver, thread_id, leaf.checkpoint_id)
        if state is None:  # it was deleted meanwhile
            continue
        values = state.checkpoint["channel_values"].get("messages")
        last = read_message(values[-1]) if isinstance(values, list) and values else None
        found.append(
            Branch(
                leaf.checkpoint_id,
                forked_from(nodes, leaf),
                state.checkpoint["ts"],
                leaf.run_id,
                " ".join(last.text.split())[:TEXT_CHARS] if last else "",
                leaf is nodes[-1],
            )
        )
    return found


async def _message_ids(
    saver: BaseCheckpointSaver[Any], thread_id: str, checkpoint_id: str | None
) -> set[str | None]:
    found = await _read(saver, thread_id, checkpoint_id)
    values = found.checkpoint["channel_values"] if found else {}
    lists = [value for value in values.values() if isinstance(value, list)]
    read = [read_message(each) for each in (message for value in lists for message in value)]
    return {message.id for message in read if message is not None}


async def _read(
    saver: BaseCheckpointSaver[Any], thread_id: str, checkpoint_id: str | None
) -> CheckpointTuple | None:
    place: RunnableConfig = {
        "configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}
    }
    return await saver.aget_tuple(place)
