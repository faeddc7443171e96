"""What a call owes its listeners and its limits, where its texts go the direct path."""

import asyncio
import gc
import logging
import weakref
from contextvars import ContextVar
from typing import Any

import anyio
import pytest
import uvloop
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_openai import ChatOpenAI, StreamChunkTimeoutError
from openai import APITimeoutError

from seltzer.models.openai.accelerated import AcceleratedChatOpenAI
from seltzer.models.openai.strict import StrictChatOpenAI
from tests.models.openai.accelerated.listeners import (
    ByTheTask,
    Listener,
    RunHandler,
    in_pieces,
    model_at,
    outcome,
    rounds,
    spoken,
    text_event,
    until_published,
)
from tests.models.openai.wire import CHUNKED, END, Answer, answering, chunked, read_request

pytestmark = pytest.mark.anyio

WORDS = [f"word{at} " for at in range(8)]
GAP_S, LIMIT_S = 0.1, 0.5

caller: ContextVar[str] = ContextVar("caller", default="nobody")


class Disliking(Listener):
    """Raises at a text."""

    def __init__(self, text: str, *, raise_error: bool, error: BaseException | None = None) -> None:
        super().__init__()
        self.raise_error = raise_error
        self.disliked = text
        self.error = error or ValueError("I don't like it")

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> Any:
        super().on_llm_new_token(token, **kwargs)
        if token == self.disliked:
            raise self.error


class Asking(Listener):
    """Records at each token in which context it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.callers: list[str] = []

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> Any:
        super().on_llm_new_token(token, **kwargs)
        self.callers.append(caller.get())


def until_left(pieces: list[bytes], listener: Listener, left: asyncio.Event) -> Answer:
    """Send the pieces, each once the one before was published, and wait for the client to disconnect."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED)
        try:
            for at, piece in enumerate(pieces):
                writer.write(chunked(piece))
                await listener.wait_for(at + 1)
            await reader.read()
        finally:
            left.set()

    return answer


@pytest.mark.parametrize("error", [ValueError("I don't like it"), KeyError("x"), TimeoutError()])
@pytest.mark.parametrize("kind", [AcceleratedChatOpenAI, ByTheTask, ChatOpenAI])
async def test_a_listener_that_may_fail_ends_the_call_and_closes_the_upstream(
    kind: type[ChatOpenAI], error: BaseException, stock: None
) -> None:
    listener, left = Disliking("three ", raise_error=True, error=error), asyncio.Event()
    pieces = [text_event("one "), text_event("two "), text_event("three ") + text_event("four ")]

    with anyio.fail_after(10):
        async with answering(until_left(pieces, listener, left)) as url:
            with pytest.raises(type(error)) as caught:
                await (await model_at(url, kind)).ainvoke("q", {"callbacks": [listener, RunHandler()]})
            await left.wait()

    assert caught.value is error
    assert listener.tokens == ["one ", "two ", "three "]
    assert listener.in_place == [False, *[kind is not ByTheTask] * 2]
    assert len(listener.ends) == 1


async def test_a_cancel_while_a_handler_is_awaited_closes_the_upstream(fast: type[ChatOpenAI]) -> None:
    class Waiting(AsyncCallbackHandler):
        def __init__(self) -> None:
            self.is_called = asyncio.Event()

        async def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:
            self.is_called.set()
            await asyncio.Event().wait()

    waiting, listener, left = Waiting(), Listener(), asyncio.Event()

    with anyio.fail_after(10):
        async with answering(until_left([text_event("one ")], listener, left)) as url:
            model = await model_at(url, fast)
            call = asyncio.create_task(model.ainvoke("q", {"callbacks": [listener, waiting, RunHandler()]}))
            await waiting.is_called.wait()
            call.cancel()
            await asyncio.wait((call,))
            await left.wait()

    assert call.cancelled()


async def test_a_failing_listener_is_logged_and_the_stream_continues(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcomes = []
    for kind in (AcceleratedChatOpenAI, StrictChatOpenAI):
        caplog.clear()
        listener = Disliking("two ", raise_error=False)
        pieces = spoken("one ", "two ", "three ")[:-1]
        with anyio.fail_after(10), caplog.at_level(logging.WARNING):
            async with answering(in_pieces(pieces, until_published(listener))) as url:
                outcomes.append(await outcome(await model_at(url, kind), listener))
        assert listener.in_place[:3] == [False, *[kind is AcceleratedChatOpenAI] * 2]
        assert any("I don't like it" in each.message for each in caplog.records)

    assert outcomes[0] == outcomes[1]
    assert outcomes[0][2]["content"] == "one two three "


async def test_one_listener_that_fails_keeps_no_text_from_another() -> None:
    disliking, other = Disliking("two ", raise_error=False), Listener()

    with anyio.fail_after(10):
        async with answering(in_pieces(spoken("one ", "two ", "three ")[:-1], until_published(other))) as url:
            await (await model_at(url)).ainvoke("q", {"callbacks": [disliking, other]})

    assert other.tokens == disliking.tokens
    assert other.tokens[:3] == ["one ", "two ", "three "]


async def test_listeners_are_published_in_the_context_of_their_call() -> None:
    async def call(model: ChatOpenAI, name: str) -> Asking:
        caller.set(name)
        listener = Asking()
        await model.ainvoke("q", {"callbacks": [listener]})
        return listener

    async def pause(_at: int) -> None:
        await rounds()

    with anyio.fail_after(10):
        async with answering(in_pieces(spoken("one ", "two ", "three "), pause)) as url:
            model = await model_at(url)
            listeners = await asyncio.gather(*(call(model, name) for name in "abc"))

    for name, listener in zip("abc", listeners, strict=True):
        assert any(listener.in_place)
        assert set(listener.callers) == {name}


async def test_a_call_on_a_connection_used_before_is_published_in_its_own_context() -> None:
    """An event loop calls a connection in the context it was made in."""
    ports: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            ports.append(writer.get_extra_info("peername")[1])
            writer.write(CHUNKED)
            for piece in spoken("one ", "two ", "three "):
                writer.write(chunked(piece))
                await rounds()
            writer.write(END)

    async def call(model: ChatOpenAI, name: str) -> Asking:
        caller.set(name)
        listener = Asking()
        await model.ainvoke("q", {"callbacks": [listener]})
        return listener

    with anyio.fail_after(10):
        async with answering(answer) as url:
            model = await model_at(url)
            listeners = [await asyncio.create_task(call(model, name)) for name in "ab"]

    assert ports[0] == ports[1]
    assert all(any(each.in_place) for each in listeners)
    assert [set(each.callers) for each in listeners] == [{"a"}, {"b"}]


def at_a_pace(pieces: list[bytes], *, then: list[bytes]) -> Answer:
    """Send the pieces with a gap after each, then the rest at once; wait for the client to disconnect."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED)
        for piece in pieces:
            writer.write(chunked(piece))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), GAP_S)
        for piece in then:
            writer.write(chunked(piece))
        await reader.read()

    return answer


LIMITS: list[dict[str, Any]] = [
    {"stream_chunk_timeout": LIMIT_S},
    {"read_s": LIMIT_S, "stream_chunk_timeout": None},
]


@pytest.mark.parametrize("limit", LIMITS)
async def test_a_stream_may_last_longer_than_the_limit_of_its_silences(limit: dict[str, Any]) -> None:
    listener = Listener()
    end = [*spoken()[:-1], b"data: [DONE]\n\n"]

    with anyio.fail_after(10):
        async with answering(at_a_pace([text_event(word) for word in WORDS], then=end)) as url:
            message = await (await model_at(url, **limit)).ainvoke("q", {"callbacks": [listener]})

    assert message.text == "".join(WORDS)
    assert listener.in_place[: len(WORDS)] == [False, *[True] * (len(WORDS) - 1)]


async def test_texts_published_in_place_restart_the_timeout_and_silence_after_them_ends_the_call(
    fast: type[ChatOpenAI],
) -> None:
    listener = Listener()

    with anyio.fail_after(10):
        async with answering(at_a_pace([text_event(word) for word in WORDS], then=[])) as url:
            model = await model_at(url, fast, stream_chunk_timeout=LIMIT_S)
            with pytest.raises(StreamChunkTimeoutError, match=r"0\.5s \(model=m, chunks_received=8\)"):
                await model.ainvoke("q", {"callbacks": [listener, RunHandler()]})

    assert listener.tokens == WORDS
    assert any(listener.in_place)


async def test_texts_published_in_place_and_by_the_task_are_counted_once_each() -> None:
    listener = Listener()
    pieces = [text_event("one ") + text_event("two "), text_event("three ") + text_event("four ")[:-1], b"\n"]

    with anyio.fail_after(10):
        async with answering(at_a_pace(pieces, then=[text_event("five ")])) as url:
            model = await model_at(url, stream_chunk_timeout=LIMIT_S)
            with pytest.raises(StreamChunkTimeoutError, match=r"chunks_received=5\)"):
                await model.ainvoke("q", {"callbacks": [listener]})

    assert listener.in_place == [False, False, True, False, True]


async def test_pings_after_texts_published_in_place_do_not_restart_the_timeout() -> None:
    listener = Listener()
    pieces = [text_event("one "), text_event("two "), *[b": ping\n\n"] * 200]

    with anyio.fail_after(5):
        async with answering(at_a_pace(pieces, then=[])) as url:
            model = await model_at(url, stream_chunk_timeout=LIMIT_S)
            with pytest.raises(StreamChunkTimeoutError, match=r"chunks_received=2\)"):
                await model.ainvoke("q", {"callbacks": [listener]})


async def test_silence_after_texts_published_in_place_is_ended_by_the_connection_too() -> None:
    listener = Listener()

    with anyio.fail_after(10):
        async with answering(at_a_pace([text_event(word) for word in WORDS], then=[])) as url:
            model = await model_at(url, read_s=LIMIT_S, stream_chunk_timeout=None)
            with pytest.raises(APITimeoutError):
                await model.ainvoke("q", {"callbacks": [listener]})

    assert listener.tokens == WORDS


def test_a_pooled_connection_keeps_nothing_of_its_last_answer() -> None:
    """On the server's own loop: asyncio's keeps the contexts of timers that were cancelled."""
    kept: ContextVar[Any] = ContextVar("kept", default=None)
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(connections):  # the first one is closed: what the SDK does once, it does there
            await read_request(reader)
            writer.write(CHUNKED + chunked(b"".join(spoken(*WORDS))) + END)

    async def ask(model: ChatOpenAI) -> weakref.ref[Listener]:
        listener = Listener()
        kept.set(listener)
        await model.ainvoke("q", {"callbacks": [listener]})
        return weakref.ref(listener)

    async def ask_three_times() -> bool:
        async with answering(answer) as url:
            model = await model_at(url)
            await asyncio.create_task(ask(model))
            listened = await asyncio.create_task(ask(model))
            await anyio.lowlevel.checkpoint()  # else the handle that wakes this still has the task
            gc.collect()
            is_gone = listened() is None
            await asyncio.create_task(ask(model))
        return is_gone

    assert uvloop.run(ask_three_times())
    assert connections == 2
