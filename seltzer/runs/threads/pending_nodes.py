"""Which nodes a checkpoint is about to run, by their names, be they in the graph or not any more.

LangGraph drops the tasks of a node that the graph no longer has, in silence. These are its names for the
channels that trigger a node; if a release has others, no node is found here, and it is as in LangGraph.
"""

from typing import Any, Final

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.types import Send

BRANCH: Final = "branch:to:"  # and the node; it is there as long as the node hasn't run
# The nodes that are awaited, `+` between them, `:`, the node. Its value: which of them have finished.
JOIN: Final = "join:"
SENDS: Final = "__pregel_tasks"


def pending_nodes(found: CheckpointTuple) -> set[str]:
    """Return the nodes that run next, or whose turn follows from what this step's nodes have written."""
    values = found.checkpoint["channel_values"]
    arrived = {channel: _arrived(value) for channel, value in values.items() if channel.startswith(JOIN)}
    sent = [*values.get(SENDS, ())]
    pending = {_branch(channel) for channel in values}
    for _, channel, value in found.pending_writes or ():
        pending.add(_branch(channel))
        if channel.startswith(JOIN):
            arrived.setdefault(channel, set()).add(value)
        elif channel == SENDS:
            sent.append(value)
    pending.update(_joined(channel, names) for channel, names in arrived.items())
    pending.update(each.node for each in sent if isinstance(each, Send))
    return {each for each in pending if each is not None}


def _branch(channel: str) -> str | None:
    return channel.removeprefix(BRANCH) if channel.startswith(BRANCH) else None


def _joined(channel: str, arrived: set[str]) -> str | None:
    """Return the node that the channel triggers, if all that it waits for have arrived."""
    awaited, _, name = channel.removeprefix(JOIN).rpartition(":")
    return name if arrived >= {*awaited.split("+")} else None


def _arrived(value: Any) -> set[str]:
    """Return who has arrived, of a channel's value; that of a deferred node has a second part."""
    names = value[0] if isinstance(value, list | tuple) and value and isinstance(value[0], set) else value
    return {each for each in names or () if isinstance(each, str)}
