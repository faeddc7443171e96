"""LangChain's listeners are called for a served graph as Runnable's own way would call them."""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from types import NoneType
from typing import Any, Final, cast
from uuid import UUID

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, AsyncCallbackManagerForChainRun
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tracers._streaming import _StreamingCallbackHandler

from seltzer.protocols.langserve.chain import stream_chain

pytestmark = pytest.mark.anyio

_ID_OR_TIME: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.+]*")


class Long(Runnable[Any, Any]):
    """Yields the chunks of its input, and raises an exception among them; in LangChain's own way."""

    name = "it"

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        raise NotImplementedError

    def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:
        async def once() -> AsyncIterator[Any]:
            yield input

        async def make(inputs: AsyncIterator[Any], run_manager: Any, config: Any) -> AsyncIterator[Any]:
            async for each in inputs:
                async for chunk in say(each, run_manager, config):
                    yield chunk

        return self._atransform_stream_with_config(once(), make, config)


class Short(Long):
    """The same, in our way."""

    def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:
        return stream_chain(say, input, config, self.get_name(), _StreamingCallbackHandler)


async def say(
    input: Any, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
) -> AsyncGenerator[Any]:
    for chunk in input:
        if isinstance(chunk, Exception):
            raise chunk
        yield chunk


class Listener(AsyncCallbackHandler):
    """Records its calls."""

    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    async def on_chain_start(self, *args: Any, **kwargs: Any) -> None:
        self.calls.append(("start", args, kwargs))

    async def on_chain_end(self, *args: Any, **kwargs: Any) -> None:
        self.calls.append(("end", args, kwargs))

    async def on_chain_error(self, *args: Any, **kwargs: Any) -> None:
        self.calls.append(("error", args, kwargs))


SAYINGS = [
    [],
    ["a"],
    ["a", "b", "c"],
    [{"n": 1}, {"n": 2}],
    ["a", {"n": 1}, "b", "c"],
    [None, "a", None, "b"],
    [1, 2.5, [3]],
    [ValueError("no")],
    ["a", "b", ValueError("no")],
]
CONFIG: RunnableConfig = {"tags": ["t"], "metadata": {"m": 1}, "run_name": "named", "configurable": {"c": 1}}


@pytest.mark.parametrize("source", SAYINGS, ids=str)
@pytest.mark.parametrize("config", [{}, CONFIG], ids=["bare", "configured"])
@pytest.mark.parametrize("way", ["astream", "astream_events", "astream_log"])
async def test_listeners_receive_the_same_either_way(
    source: list[Any], config: RunnableConfig, way: str
) -> None:
    long, short = [await record(kind(), source, config, way) for kind in (Long, Short)]

    assert short == long
    assert len(short) > 1


async def record(runnable: Long, source: list[Any], config: RunnableConfig, way: str) -> list[str]:
    """Return what was yielded and what listeners got, in order, without ids and times."""
    recorded: list[Any] = []
    try:
        async for each in getattr(runnable, way)(source, {**config, "callbacks": [Listener(recorded)]}):
            recorded.append(each)
    except ValueError as error:
        recorded.append(error)
    return [_ID_OR_TIME.sub("..", repr(each)) for each in recorded]


@pytest.mark.parametrize("kind", [Long, Short])
async def test_a_stream_that_is_left_has_failed(kind: type[Long]) -> None:
    recorded: list[Any] = []
    chunks = cast(AsyncGenerator[Any], kind().astream(["a", "b"], {"callbacks": [Listener(recorded)]}))

    async with aclosing(chunks):
        assert await anext(chunks) == "a"

    assert [(name, type(args[0])) for name, args, _ in recorded] == [
        ("start", NoneType),
        ("error", GeneratorExit),
    ]


class Tap(AsyncCallbackHandler, _StreamingCallbackHandler[Any]):
    """A listener that every chunk goes through; writes down what becomes of it."""

    run_inline = True  # else the loop would turn first, and close what was left open

    def __init__(self) -> None:
        self.recorded: list[str] = []

    async def tap_output_aiter(self, run_id: UUID, output: AsyncIterator[Any]) -> AsyncIterator[Any]:
        try:
            async for chunk in output:
                yield chunk
        finally:
            self.recorded.append("closed")

    def tap_output_iter(self, run_id: UUID, output: Any) -> Any:
        raise NotImplementedError

    async def on_chain_error(self, *args: Any, **kwargs: Any) -> None:
        self.recorded.append("error")


async def test_a_listeners_tap_is_closed_before_it_is_called_with_the_end_of_the_stream() -> None:
    tap = Tap()
    chunks = cast(AsyncGenerator[Any], Short().astream(["a", "b"], {"callbacks": [tap]}))

    async with aclosing(chunks):
        assert await anext(chunks) == "a"

    assert tap.recorded == ["closed", "error"]
