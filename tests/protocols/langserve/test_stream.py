"""LangServe's event streams as our writer sends them: the bytes and heads are sse-starlette's."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Any, TypeAlias

import anyio
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sse_starlette import EventSourceResponse
from sse_starlette.event import ensure_bytes
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Message

from seltzer.protocols.langserve.frames import frame
from seltzer.protocols.langserve.stream import ItemStream

Item: TypeAlias = dict[str, Any]
PING = re.compile(rb": ping - (.+)\r\n\r\n")

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n\u2028\x85:"))
items = st.fixed_dictionaries(
    {},
    optional={
        "event": st.just("data") | st.none() | texts,
        "data": texts | st.none() | st.integers() | st.lists(texts),
        "id": st.none() | texts,
        "retry": st.none() | st.integers(),
        "comment": st.none() | texts,
    },
)


def data(text: str) -> Item:
    return {"event": "data", "data": text}


def frames(*given: Item) -> bytes:
    return b"".join(ensure_bytes(each, "\r\n") for each in given)


@given(items | texts.map(data))
def test_a_frame_is_what_sse_starlette_makes_of_it(item: Item) -> None:
    assert frame(item) == ensure_bytes(item, "\r\n")


def serve(stream: Callable[[], AsyncGenerator[Item]], ping_s: float = 60, *, is_ours: bool = True) -> FastAPI:
    """Return an app that streams the items, by our writer or by sse-starlette's."""
    app = FastAPI()

    @app.get("/")
    async def answer() -> Response:
        response = EventSourceResponse(stream(), headers={"x-more": "1"}, status_code=201)
        return ItemStream(response, ping_s) if is_ours else response

    return app


def test_a_client_sees_what_sse_starlette_would_send() -> None:
    async def stream() -> AsyncGenerator[Item]:
        for item in (data("{}"), {"event": "end"}, data("a\nb\r"), {"comment": "c", "id": "1", "data": ""}):
            yield item
            await anyio.lowlevel.checkpoint()

    ours, theirs = (TestClient(serve(stream, is_ours=each)).get("/") for each in (True, False))

    assert (ours.status_code, ours.headers, ours.content) == (
        theirs.status_code,
        theirs.headers,
        theirs.content,
    )
    assert ours.content.startswith(frames(data("{}"), {"event": "end"}))


class Source:
    """Items that are yielded when they are put; None is the end, an exception is raised."""

    def __init__(self, *first: Item | Exception | None) -> None:
        self.queue: asyncio.Queue[Item | Exception | None] = asyncio.Queue()
        self.taken = 0
        self.is_closed = False
        for each in first:
            self.queue.put_nowait(each)

    async def items(self) -> AsyncGenerator[Item]:
        try:
            while (item := await self.queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                self.taken += 1
                yield item
        finally:
            self.is_closed = True


class Client:
    """The other end: sees the pieces; while it isn't reading, a send waits."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.refuses: Exception | None = None
        self.is_reading = asyncio.Event()
        self.is_reading.set()
        self._arrived = asyncio.Condition()

    async def send(self, message: Message) -> None:
        await self.is_reading.wait()
        if self.refuses:
            raise self.refuses
        if message["type"] == "http.response.body":
            async with self._arrived:
                self.bodies.append(message["body"])
                self._arrived.notify_all()

    async def receive(self) -> Message:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # as never_receive

    async def sees(self, pieces: int) -> None:
        """Wait until so many pieces have arrived."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.bodies) >= pieces)

    def ask(self, source: Source, ping_s: float = 60) -> asyncio.Task[None]:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
        return asyncio.create_task(serve(source.items, ping_s=ping_s)(scope, self.receive, self.send))


@pytest.mark.anyio
class TestStream:
    async def test_what_is_there_at_once_is_sent_in_one_piece(self) -> None:
        client, source = Client(), Source(data("1"), data("2"))

        with anyio.fail_after(5):
            serving = client.ask(source)
            await client.sees(1)
            for item in (data("3"), {"event": "end"}, None):
                source.queue.put_nowait(item)
            await serving

        assert client.bodies == [frames(data("1"), data("2")), frames(data("3"), {"event": "end"}), b""]

    async def test_an_error_is_a_piece_of_its_own_and_what_was_raised_is_passed_on(self) -> None:
        error = {"event": "error", "data": "{}"}
        client, source = Client(), Source(data("1"), error, ZeroDivisionError())

        with anyio.fail_after(5), pytest.raises(ZeroDivisionError):
            await client.ask(source)

        assert client.bodies == [frames(data("1")), frames(error)]

    async def test_pings_are_as_steady_as_sse_starlettes_among_tokens(self) -> None:
        client, source = Client(), Source()

        with anyio.fail_after(5):
            serving = client.ask(source, ping_s=0.02)
            while sum(body.startswith(b": ping") for body in client.bodies) < 3:
                source.queue.put_nowait(data("x"))
                await client.sees(len(client.bodies) + 1)
            source.queue.put_nowait(None)
            await serving

        for body in client.bodies:
            if found := PING.fullmatch(body):
                assert datetime.fromisoformat(found[1].decode()).tzinfo
            else:
                assert not body.replace(frames(data("x")), b"")

    async def test_for_a_client_that_does_not_read_no_more_is_made_without_end(self) -> None:
        client, source = Client(), Source()

        with anyio.fail_after(5):
            serving = client.ask(source)
            source.queue.put_nowait(data("0"))
            await client.sees(1)
            client.is_reading.clear()
            for number in range(1, 1_000):
                source.queue.put_nowait(data(str(number)))
            source.queue.put_nowait(None)
            await anyio.wait_all_tasks_blocked()
            taken = source.taken
            client.is_reading.set()
            await serving

        assert taken < 200
        assert b"".join(client.bodies) == frames(*(data(str(number)) for number in range(1_000)))

    async def test_a_connection_that_refuses_a_piece_ends_the_stream(self) -> None:
        client, source = Client(), Source(data("1"))

        with anyio.fail_after(5):
            serving = client.ask(source)
            await client.sees(1)
            client.refuses = OSError("gone")
            for number in range(2):
                source.queue.put_nowait(data(str(number)))
                await anyio.wait_all_tasks_blocked()
            with pytest.raises(OSError, match="gone"):
                await serving

        assert source.is_closed

    @pytest.mark.parametrize("more", [0, 1, 500])
    async def test_a_cancelled_stream_leaks_nothing(self, more: int) -> None:
        client, source = Client(), Source(data("x"))
        before = asyncio.all_tasks()

        with anyio.fail_after(5):
            serving = client.ask(source)
            await client.sees(1)
            client.is_reading.clear()
            for _ in range(more):
                source.queue.put_nowait(data("x"))
            await anyio.wait_all_tasks_blocked()
            serving.cancel()
            await asyncio.wait((serving,))

        assert serving.cancelled()
        assert source.is_closed
        assert asyncio.all_tasks() == before
