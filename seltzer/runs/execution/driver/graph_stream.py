"""A graph's stream by LangGraph's own astream: the plain way, which uses no private names.

The nouns are here too: what a part is, and what runs a graph. The other way is graph_driver.py.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final, Protocol, TypeAlias

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager, Callbacks
from langchain_core.runnables import RunnableConfig
from langgraph.store.base import BaseStore
from langgraph.types import StreamMode

from seltzer.runs.execution.driver.run_listener import RunListener
from seltzer.runs.graph import AnyPregel
from seltzer.runs.upstream.silence import SilenceWatch

MODES: Final[tuple[StreamMode, ...]] = ("custom", "updates", "values")  # and "messages"

Namespace: TypeAlias = tuple[str, ...]
Part: TypeAlias = tuple[Namespace, str, Any]  # as of astream(stream_mode=[..], subgraphs=True)
Publish: TypeAlias = Callable[[Part], None]


class Drive(Protocol):
    """Runs a graph and passes each part of its stream to publish."""

    def __call__(
        self,
        pregel: AnyPregel,
        input: Any,
        config: RunnableConfig,
        publish: Publish,
        *,
        context: Any = None,
        store: BaseStore | None = None,
        watch: SilenceWatch | None = None,
    ) -> AsyncGenerator[None]:
        """Yield between the graph's steps at least, so that the caller can pause or stop the graph.

        publish is called in the loop's thread with the parts of MODES and "messages", in order; it must not
        raise. context is the graph's runtime context; store serves a graph that was compiled without one;
        watch watches its model calls.
        """


async def drive_stream(
    pregel: AnyPregel,
    input: Any,
    config: RunnableConfig,
    publish: Publish,
    *,
    context: Any = None,
    store: BaseStore | None = None,
    watch: SilenceWatch | None = None,
) -> AsyncGenerator[None]:
    """Run the graph by `astream`; see Drive."""
    if store is not None and pregel.store is None:
        pregel = pregel.copy({"store": store})
    listener = RunListener(watch or SilenceWatch())
    parts = pregel.astream(
        input,
        {**config, "callbacks": with_listener(config.get("callbacks"), listener)},
        context=context,
        stream_mode=[*MODES, "messages"],
        subgraphs=True,
        durability="sync",
    )
    yield
    async with aclosing(parts):  # type: ignore[type-var]  # typed as an iterator, is a generator
        async for part in parts:
            publish(part)  # type: ignore[arg-type]  # a tuple, as there are several modes
            yield


def with_listener(callbacks: Callbacks, listener: BaseCallbackHandler) -> Callbacks:
    """Return the callbacks and the listener, which also gets what happens below the graph."""
    if isinstance(callbacks, BaseCallbackManager):
        callbacks = callbacks.copy()
        callbacks.add_handler(listener)
        return callbacks
    return [*(callbacks or ()), listener]
