"""A chain that streams, as LangChain's listeners see it: it starts, yields its chunks, and ends or fails.

Runnable has this too, with a task for each chunk, so that each is made in a context that carries the config.
Nothing here reads that context: a run has one of its own.

Departs from LangChain:
1. A listener that makes events or patches is recognised by `langchain_core.tracers._streaming`, which is
   private: Runnable does so too, and there is no public name for it. It is looked up when the server starts;
   without it, streams go through Runnable's own way.
2. run_inline is set on LangChain's own listener: made by Runnable, for one request, with no way to ask for
   it. If LangChain gives up run_inline, each call is a task again: slower, and a chunk may come before its
   token. If the listener ever waited, its callers would wait for it.
"""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from importlib import import_module
from typing import Any, TypeAlias, cast

from langchain_core.callbacks import (
    AsyncCallbackHandler,
    AsyncCallbackManager,
    AsyncCallbackManagerForChainRun,
)
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, get_async_callback_manager_for_config

log = logging.getLogger(__name__)

Make: TypeAlias = Callable[[Any, AsyncCallbackManagerForChainRun, RunnableConfig], AsyncGenerator[Any]]


def find_listener() -> type[Any] | None:
    """Return the class of listeners that make events or patches; None, after a warning, if it is gone."""
    module, name = "langchain_core.tracers._streaming", "_StreamingCallbackHandler"
    try:
        return cast(type[Any], getattr(import_module(module), name))
    except (ImportError, AttributeError):
        log.warning(
            "streaming LangServe's routes by LangChain's own way, which is slower: %s.%s is missing",
            module,
            name,
        )
        return None


async def stream_chain(
    make: Make, input: Any, config: RunnableConfig | None, name: str, listener: type[Any]
) -> AsyncGenerator[Any]:
    """Yield the chunks that make makes of the input, and pass them to the config's callbacks.

    listener is the class of those that make events or patches of them.
    """
    config = ensure_config(config)
    run = await get_async_callback_manager_for_config(config).on_chain_start(
        None,
        {"input": ""},  # as of any chain that streams: the input is set at its end
        run_type=None,
        name=config.get("run_name") or name,
        run_id=config.pop("run_id", None),
        defers_inputs=False,
    )
    output, adds_up = None, True
    try:
        async with (
            aclosing(make(input, run, config)) as made,
            aclosing(_tapped(made, run, listener)) as chunks,
        ):
            async for chunk in chunks:
                yield chunk
                try:
                    output = chunk if output is None or not adds_up else output + chunk
                except TypeError:
                    output, adds_up = chunk, False
    except BaseException as error:
        await run.on_chain_error(error, inputs=input)
        raise
    await run.on_chain_end(output, inputs=input)


def inner_callbacks(run: AsyncCallbackManagerForChainRun, listener: type[Any] | None) -> AsyncCallbackManager:
    """Return the callbacks for what runs inside the chain.

    The listener that makes events of it never waits, so that it is called in place. A task for each call
    costs more, and lets the chain's own chunk overtake the token that it is made of.
    """
    callbacks = run.get_child()
    for each in callbacks.handlers if listener else ():
        if isinstance(each, AsyncCallbackHandler) and isinstance(each, cast(type[Any], listener)):
            each.run_inline = True
    return callbacks


def _tapped(
    chunks: AsyncGenerator[Any], run: AsyncCallbackManagerForChainRun, listener: type[Any]
) -> AsyncGenerator[Any]:
    """Return the chunks by way of the listener that makes events or patches of them, if there is one."""
    for each in run.handlers:
        if isinstance(each, listener):
            tapped = each.tap_output_aiter(run.run_id, chunks)
            return cast(AsyncGenerator[Any], tapped)  # typed as an iterator, is a generator
    return chunks
