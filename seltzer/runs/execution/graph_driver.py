"""Drives a graph, and hands over each part of its stream in place: at the moment it is made.

`graph.astream()` puts the parts into a queue, and wakes two tasks of its own to take one out: for a token,
that costs more than making it did. A subgraph's parts go straight to the stream of the graph above it; so a
graph is run here as if there were one above it. The keys for that are LangGraph's own (docs/decisions/0005).
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final, TypeAlias
from uuid import UUID

from langchain_core.callbacks import BaseCallbackManager, Callbacks
from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import (
    CONF,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_STREAM,
    NS_SEP,
)
from langgraph.config import get_config
from langgraph.pregel._messages import StreamMessagesHandler
from langgraph.pregel.protocol import StreamProtocol
from langgraph.runtime import Runtime
from langgraph.types import StreamMode

from seltzer.runs.graph import AnyPregel

MODES: Final[set[StreamMode]] = {"custom", "updates", "values"}  # and "messages", which a listener hears

Namespace: TypeAlias = tuple[str, ...]
Part: TypeAlias = tuple[Namespace, str, Any]


async def drive(
    pregel: AnyPregel, input: Any, config: RunnableConfig, take: Callable[[Part], None]
) -> AsyncGenerator[None]:
    """Run the graph, and yield before and behind each of its steps.

    take is called in the loop's thread with each part of `astream(stream_mode=[*MODES, "messages"],
    subgraphs=True)`, amid whatever makes the part; it must not raise. Parts may be shorter: see _Messages.
    """
    loop, thread = asyncio.get_running_loop(), threading.get_ident()
    takers = [take]  # none at the end: an error leaves LangGraph's objects in cycles, which keep it long

    def put(part: Part) -> None:
        for each in takers:
            if threading.get_ident() == thread:
                each(part)
            else:  # a node or a tool that is a plain function
                loop.call_soon_threadsafe(each, part)

    def write(value: Any) -> None:
        *namespace, _ = get_config()[CONF][CONFIG_KEY_CHECKPOINT_NS].split(NS_SEP)
        put((tuple(namespace), "custom", value))

    above = {CONFIG_KEY_STREAM: StreamProtocol(put, MODES), CONFIG_KEY_RUNTIME: Runtime(stream_writer=write)}
    callbacks = _with(config.get("callbacks"), _Messages(put))
    config = {**config, "callbacks": callbacks, "configurable": {**config["configurable"], **above}}
    # Without a mode of its own it would yield nothing.
    steps = pregel.astream(input, config, stream_mode="values", durability="sync")
    try:
        async with aclosing(steps):  # type: ignore[type-var]  # typed as an iterator, is a generator
            async for _ in steps:
                yield
    finally:
        takers.clear()


class _Messages(StreamMessagesHandler):
    """Hears the messages. More text of one that has begun is a part `texts`, `(message_id, texts)`.

    LangGraph's has no such part: a model of ours that can do without making a message of each piece of text
    tells it so (seltzer/models/openai/accelerated/callbacks.py).
    """

    def __init__(self, put: Callable[[Part], None]) -> None:
        super().__init__(put, subgraphs=True)
        self._last: tuple[UUID | None, Namespace] = (None, ())  # a UUID takes a while to look up

    def on_llm_texts(self, texts: Sequence[str], *, message_id: str, run_id: UUID) -> None:
        """Hear of more text of a message whose beginning on_llm_new_token was told."""
        if self._last[0] is not run_id:
            if (meta := self.metadata.get(run_id)) is None:
                return
            self._last = run_id, meta[0]
        self.stream((self._last[1], "texts", (message_id, texts)))


def _with(callbacks: Callbacks, listener: _Messages) -> Callbacks:
    if isinstance(callbacks, BaseCallbackManager):
        callbacks = callbacks.copy()
        callbacks.add_handler(listener)
        return callbacks
    return [*(callbacks or ()), listener]
