"""Turns and branches: where a turn begins, to run it again, and how a thread's branches end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.graph import START

from seltzer.runs.graph import AnyPregel
from seltzer.runs.messages.spellings import read_message
from seltzer.runs.threads.thread_messages import messages_at
from seltzer.runs.tree import CheckpointRef, branch, forked_from, leaves, turn_starts

TEXT_CHARS: Final = 200


async def turn_of(
    pregel: AnyPregel, thread_id: str, refs: Sequence[CheckpointRef], message_id: str
) -> str | None:
    """Return the checkpoint with which the turn begins that has added the message.

    None if the thread doesn't have the message, or that turn's beginning isn't kept. However long the thread
    is, a few states are read.
    """
    begins = turn_starts(refs)[::-1]
    # A turn's end may be pruned; the next one's beginning has the same messages, and its own input apart.
    ends = [each.checkpoint_id for each in (*begins[1:], *branch(refs)[:1])]

    async def has(at: int) -> bool:
        return message_id in await _message_ids(pregel, thread_id, ends[at])

    if not begins or not await has(len(begins) - 1):
        return None
    if message_id in await _message_ids(pregel, thread_id, begins[0].checkpoint_id):
        return None
    low, high = -1, len(begins) - 1  # the message is there at the end of `high`, and not at that of `low`
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if await has(middle) else (middle, high)
    return begins[high].checkpoint_id


async def start_of_turn(
    pregel: AnyPregel, thread_id: str, refs: Sequence[CheckpointRef], message_id: str
) -> str | None:
    """Return what turn_of() does; without a message's id, where the thread's newest turn begins."""
    if message_id:
        return await turn_of(pregel, thread_id, refs, message_id)
    return next((start.checkpoint_id for start in turn_starts(refs)), None)


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
    pregel: AnyPregel, thread_id: str, refs: Sequence[CheckpointRef], limit: int
) -> list[Branch]:
    """Return the thread's branches, the one written last first, at most limit of them."""
    found = []
    for leaf in leaves(refs)[:limit]:
        state = await read_checkpoint(pregel, thread_id, leaf.checkpoint_id)
        if state is None:  # it was deleted meanwhile
            continue
        messages = messages_at(pregel, state.checkpoint["channel_values"])
        found.append(
            Branch(
                leaf.checkpoint_id,
                forked_from(refs, leaf),
                state.checkpoint["ts"],
                leaf.run_id,
                " ".join(messages[-1].text.split())[:TEXT_CHARS] if messages else "",
                leaf is refs[-1],
            )
        )
    return found


async def _message_ids(pregel: AnyPregel, thread_id: str, checkpoint_id: str | None) -> set[str | None]:
    """Return the ids of the messages there, of all lists in the state; those of an input aren't in it yet."""
    found = await read_checkpoint(pregel, thread_id, checkpoint_id)
    values = {**found.checkpoint["channel_values"]} if found else {}
    values.pop(START, None)
    lists = [value for value in values.values() if isinstance(value, list)]
    read = [read_message(each) for each in (message for value in lists for message in value)]
    return {message.id for message in (*read, *messages_at(pregel, values)) if message is not None}


async def read_checkpoint(
    pregel: AnyPregel, thread_id: str, checkpoint_id: str | None
) -> CheckpointTuple | None:
    """Return the checkpoint of the graph itself, the newest one without an id; None if there is none."""
    saver: Any = pregel.checkpointer
    if not isinstance(saver, BaseCheckpointSaver):
        return None
    place: RunnableConfig = {
        "configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}
    }
    return await saver.aget_tuple(place)
