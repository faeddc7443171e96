"""The messages that a thread's next run begins with: a key of its state, the whole state, or a function's.

A function (`@entrypoint`) has no state: its next run gets what it has saved, else what it has returned.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.graph.state import CompiledStateGraph

from seltzer.runs.graph import AnyPregel
from seltzer.runs.messages.spellings import MESSAGES, messages_in
from seltzer.runs.schemas.schemas import ROOT


def messages_channel(pregel: AnyPregel) -> str | None:
    """Return the channel of the graph's messages; None if it has none, as a function hasn't."""
    return next((name for name in (MESSAGES, ROOT) if name in pregel.channels), None)


def is_function(pregel: AnyPregel) -> bool:
    """Return whether it was made by @entrypoint: only its author knows what becomes of what it saves."""
    return messages_channel(pregel) is None and not isinstance(pregel, CompiledStateGraph)


def messages_at(pregel: AnyPregel, channel_values: Mapping[str, Any]) -> Sequence[BaseMessage]:
    """Return the messages among a checkpoint's values, oldest first."""
    if (name := messages_channel(pregel)) is not None:
        return messages_in({MESSAGES: channel_values.get(name)})
    if not is_function(pregel):
        return ()
    saved = [messages_in(value) for name, value in channel_values.items() if name != pregel.input_channels]
    return max(saved, key=len, default=())
