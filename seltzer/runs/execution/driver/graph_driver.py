"""A graph's stream, each part of it handed over in place: at the moment it is made.

`graph.astream()` puts the parts into a queue, and wakes two tasks of its own to read one: for a token, that
costs more than making it did. A subgraph's parts go directly to the stream of the graph above it; so a graph
is run here as if there were one above it (docs/decisions/0005).

All of LangGraph's private names that we use are in this module. They are looked up when the server starts;
without one of them driver_choice.py falls back to graph_stream.py.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore

from seltzer.runs.execution.driver.graph_stream import MODES, Drive, Namespace, Publish, with_listener
from seltzer.runs.execution.driver.run_listener import WithRunListener
from seltzer.runs.graph import AnyPregel
from seltzer.runs.upstream.silence import SilenceWatch

PRIVATE_NAMES: Final = (
    ("langgraph._internal._constants", "CONFIG_KEY_CHECKPOINT_NS"),
    ("langgraph._internal._constants", "CONFIG_KEY_RUNTIME"),
    ("langgraph._internal._constants", "CONFIG_KEY_STREAM"),
    ("langgraph._internal._constants", "NS_SEP"),
    ("langgraph.pregel._messages", "StreamMessagesHandler"),
    ("langgraph.pregel.protocol", "StreamProtocol"),
)


class MissingName(ImportError):
    """LangGraph has renamed or removed a name that the in-place way relies on."""


@dataclass(frozen=True, slots=True)
class _Names:
    """What the in-place way uses of LangGraph beyond its public interface."""

    namespace_key: str
    runtime_key: str
    stream_key: str
    separator: str
    listener: Callable[[Publish, SilenceWatch], BaseCallbackHandler]
    stream: Callable[[Publish, set[str]], Any]


def in_place_driver() -> Drive:
    """Look the private names up, and return the driver that uses them. Raises MissingName."""
    namespace_key, runtime_key, stream_key, separator, handler, stream = map(_look_up, PRIVATE_NAMES)
    names = _Names(namespace_key, runtime_key, stream_key, separator, _listener_class(handler), stream)

    def drive(
        pregel: AnyPregel,
        input: Any,
        config: RunnableConfig,
        publish: Publish,
        *,
        context: Any = None,
        store: BaseStore | None = None,
        watch: SilenceWatch | None = None,
    ) -> AsyncGenerator[None]:
        put = _InPlace(publish)
        callbacks = with_listener(config.get("callbacks"), names.listener(put, watch or SilenceWatch()))
        store = pregel.store if pregel.store is not None else store
        config = {**_with_stream_above(config, put, store, names), "callbacks": callbacks}
        # Without a mode of its own it would yield nothing.
        steps = pregel.astream(input, config, context=context, stream_mode="values", durability="sync")
        return _steps(steps, put)

    return drive


def _look_up(place: tuple[str, str]) -> Any:
    module, name = place
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise MissingName(f"{module}.{name}") from error


class _InPlace:
    """Passes parts on in the loop's thread, until it is closed."""

    def __init__(self, publish: Publish) -> None:
        # None at the end: an error leaves LangGraph's objects in cycles, which keep it for long.
        self._publish: Publish | None = publish
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()

    def __call__(self, part: Any) -> None:
        if threading.get_ident() == self._thread:
            self._deliver(part)
        else:  # from a node or a tool that is a plain function
            self._loop.call_soon_threadsafe(self._deliver, part)

    def _deliver(self, part: Any) -> None:
        if self._publish is not None:
            self._publish(part)

    def close(self) -> None:
        self._publish = None


async def _steps(steps: Any, put: _InPlace) -> AsyncGenerator[None]:
    try:
        async with aclosing(steps):
            async for _ in steps:
                yield
    finally:
        put.close()


def _with_stream_above(
    config: RunnableConfig, put: _InPlace, store: BaseStore | None, names: _Names
) -> RunnableConfig:
    """Return the config of a graph that has a graph above it, whose stream is put."""

    def write(value: Any) -> None:
        *namespace, _ = get_config()["configurable"][names.namespace_key].split(names.separator)
        put((tuple(namespace), "custom", value))

    above = {
        names.stream_key: names.stream(put, set(MODES)),
        names.runtime_key: Runtime(stream_writer=write, store=store),  # a graph's store is its parent's
    }
    return {**config, "configurable": {**config.get("configurable", {}), **above}}


def _listener_class(handler: Any) -> Callable[[Publish, SilenceWatch], BaseCallbackHandler]:
    class MessagesInPlace(WithRunListener, handler):  # type: ignore[misc]  # looked up
        """Passes messages on. More text of one that has begun is a part `texts`, `(message_id, texts)`.

        LangGraph's has no such part: a model of ours that can do without making a message of each piece of
        text passes them here (seltzer/models/openai/accelerated/callbacks.py).
        """

        def __init__(self, put: Publish, watch: SilenceWatch) -> None:
            super().__init__(watch, put, subgraphs=True)
            self._last: tuple[UUID | None, Namespace] = (None, ())  # a UUID takes a while to look up

        def on_llm_texts(self, texts: Sequence[str], *, message_id: str, run_id: UUID) -> None:
            """Pass on more text of a message whose beginning arrived by on_llm_new_token."""
            last = self._last  # calls in other threads replace it
            if last[0] is not run_id:
                if (meta := self.metadata.get(run_id)) is None:
                    return
                last = self._last = run_id, meta[0]
            self._run.watch.note(run_id)
            self.stream((last[1], "texts", (message_id, texts)))

    return MessagesInPlace
