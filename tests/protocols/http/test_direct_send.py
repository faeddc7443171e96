"""The straight way: a body's pieces go past the layers, its head and its end through them."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import httpx
import pytest
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl

from seltzer.main import create_app
from seltzer.protocols.http.direct_send import (
    APART_S,
    DIRECT,
    DirectSend,
    DirectSendApp,
    DirectSendMiddleware,
    ServerSend,
)
from seltzer.protocols.http.sse import RETRY, EventStream, frame
from seltzer.runs.event import Event
from seltzer.settings import Settings
from tests.conftest import ROOT
from tests.patience import PATIENCE_S
from tests.serving import Served, serving

LAST: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class Layer:
    """A layer such as is between a route and the server: it marks the head, and notes what is sent."""

    def __init__(self, app: ASGIApp, seen: list[Message]) -> None:
        self._app = app
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noting(message: Message) -> None:
            if scope["type"] == "http":
                self._seen.append(message)
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"x-layer", b"was here")]}
            await send(message)

        await self._app(scope, receive, noting)


def token(seq: int) -> Event:
    return Event(1, seq, "token", {"message_id": "m", "text": "hi", "channel": "answer"})


async def events() -> AsyncGenerator[Sequence[Event]]:
    yield [token(1)]
    yield [token(2), token(3)]


async def never_receive() -> Message:
    await anyio.sleep_forever()
    raise AssertionError


async def sent_by(app: ASGIApp, scope: Scope) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with anyio.fail_after(5):
        await app(scope, never_receive, send)
    return sent


@pytest.mark.anyio
async def test_pieces_bypass_a_layer_and_head_and_end_pass_through_it() -> None:
    seen: list[Message] = []
    app = DirectSendMiddleware(Layer(EventStream(lambda _: events(), ping_s=60), seen))

    sent = await sent_by(app, {"type": "http"})

    assert [message["type"] for message in seen] == ["http.response.start", "http.response.body"]
    assert seen[1] == LAST
    assert (b"x-layer", b"was here") in sent[0]["headers"]
    pieces = [RETRY, frame(token(1)), frame(token(2)) + frame(token(3)), b""]
    assert [message["body"] for message in sent[1:]] == pieces
    assert sent[-1] == LAST


@pytest.mark.anyio
async def test_without_a_direct_way_everything_passes_through_the_layers() -> None:
    seen: list[Message] = []

    sent = await sent_by(Layer(EventStream(lambda _: events(), ping_s=60), seen), {"type": "http"})

    assert len(seen) == len(sent) == 5
    assert sent[1:] == seen[1:]


class Late:
    """A layer that keeps the head until the body's first piece, as starlette's GZipMiddleware does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept: list[Message] = []

        async def late(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept.append(message)
                return
            while kept:
                await send(kept.pop())
            await send(message)

        await self._app(scope, receive, late)


class Encoding:
    """A layer that changes the body, and says so in the head."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def encoded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["content-encoding"] = "shout"
            else:
                message = {**message, "body": message["body"].upper()}
            await send(message)

        await self._app(scope, receive, encoded)


class Relaying(BaseHTTPMiddleware):
    """A layer that changes the body, and passes it on by a task of its own."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        response: Any = await call_next(request)
        pieces = response.body_iterator

        async def upper() -> AsyncGenerator[bytes]:
            async for piece in pieces:
                yield piece.upper()

        response.body_iterator = upper()
        return cast(Response, response)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("layer", "changed"), [(Late, bytes), (Encoding, bytes.upper), (Relaying, bytes.upper)]
)
async def test_a_layer_that_keeps_the_head_or_changes_the_body_gets_all_pieces(
    layer: Callable[[ASGIApp], ASGIApp], changed: Callable[[bytes], bytes]
) -> None:
    app = DirectSendMiddleware(layer(EventStream(lambda _: events(), ping_s=60)))

    sent = await sent_by(app, {"type": "http", "method": "GET", "headers": []})

    assert [message["type"] for message in sent] == [HEAD["type"], *["http.response.body"] * (len(sent) - 1)]
    whole = b"".join(message["body"] for message in sent[1:])
    assert whole == changed(RETRY + frame(token(1)) + frame(token(2)) + frame(token(3)))


@pytest.mark.anyio
async def test_the_way_begins_where_it_was_noted_not_outside_of_it() -> None:
    outer: list[Message] = []

    sent = await sent_by(
        Layer(DirectSendMiddleware(EventStream(lambda _: events(), ping_s=60)), outer), {"type": "http"}
    )

    assert sent[1:] == outer[1:]


@pytest.mark.anyio
@pytest.mark.parametrize("state", [{}, {"state": {"kept": 1}}])
async def test_what_a_request_has_of_state_is_kept(state: Scope) -> None:
    found: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(scope)

    await sent_by(DirectSendMiddleware(app), {"type": "http", **state})

    assert found[0]["state"].items() >= state.get("state", {}).items()


@pytest.mark.anyio
async def test_what_is_no_request_is_left_alone() -> None:
    found: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(dict(scope))

    await sent_by(DirectSendMiddleware(app), {"type": "lifespan"})

    assert found == [{"type": "lifespan"}]


class Cycle:
    """What uvicorn's `send` belongs to, as far as direct sends look at it."""

    def __init__(self) -> None:
        self.flow = FlowControl(asyncio.Transport())
        self.sent: list[Message] = []
        self.senders: list[str] = []
        self.may_send = anyio.Event()
        self.may_send.set()

    async def send(self, message: Message) -> None:
        if not self.may_send.is_set():
            await self.may_send.wait()
        self.sent.append(message)
        task = asyncio.current_task()
        self.senders.append(task.get_name() if task else "")


HEAD: Message = {"type": "http.response.start", "status": 200, "headers": []}


async def way_to(send: Send) -> DirectSend:
    """Return the way to a server whose send it is, begun with a head that no layer keeps."""
    server = ServerSend(send, FlowControl)
    way = DirectSend({"type": "http", "state": {DIRECT: server}}, server.send_from_layers)
    await way.begin(HEAD)
    return way


@pytest.mark.anyio
async def test_a_piece_is_sent_at_once_as_long_as_the_connection_is_not_full() -> None:
    cycle = Cycle()
    way = await way_to(cycle.send)

    free = way.can_send, way.try_send(b"one")
    await anyio.sleep(2 * APART_S)
    cycle.flow.pause_writing()
    full = way.can_send, way.try_send(b"two")
    cycle.flow.resume_writing()
    again = way.can_send, way.try_send(b"three")

    assert (free, full, again) == ((True, True), (False, False), (True, True))
    assert [message["body"] for message in cycle.sent[1:]] == [b"one", b"three"]
    assert all(message["more_body"] for message in cycle.sent[1:])


@pytest.mark.anyio
async def test_pieces_that_arrive_at_once_are_sent_together() -> None:
    cycle = Cycle()
    way = await way_to(cycle.send)

    sent = [way.try_send(b"%d" % n) for n in range(1000)].count(True)

    assert 1 <= sent == len(cycle.sent[1:]) < 500


@pytest.mark.anyio
async def test_to_another_server_than_uvicorn_nothing_is_sent_at_once() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    way = await way_to(send)

    assert (way.can_send, way.try_send(b"one")) == (False, False)
    await way.send(b"two")
    assert [message["body"] for message in sent[1:]] == [b"two"]


@pytest.mark.anyio
async def test_a_server_that_waits_unexpectedly_gets_every_piece_in_order_and_no_more_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cycle = Cycle()
    way = await way_to(cycle.send)
    cycle.may_send = anyio.Event()

    first = way.try_send(b"one")
    second = way.try_send(b"two")
    third = asyncio.create_task(way.send(b"three"))
    await anyio.lowlevel.checkpoint()
    before = list(cycle.sent)
    cycle.may_send.set()
    with anyio.fail_after(5):
        await third

    assert (first, second, before) == (True, False, [HEAD])
    assert [message["body"] for message in cycle.sent[1:]] == [b"one", b"three"]
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "streaming without direct sends"
    ]


class BothWays(Response):
    """Says one piece at once, if it can, and one in turn."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        way = DirectSend(scope, send)
        await way.begin({"type": "http.response.start", "status": 200, "headers": []})
        if way.try_send(b"at once, "):
            await way.send(b"in turn")
        await send(LAST)


def test_a_real_server_can_be_sent_to_at_once() -> None:
    app = DirectSendApp()
    app.router.add_route("/", lambda request: BothWays())

    with serving(app) as served:
        text = httpx.get(served.url, timeout=PATIENCE_S).text

    assert text == "at once, in turn"


@pytest.fixture
def seen() -> list[Message]:
    """What the innermost layer of the app is sent."""
    return []


@pytest.fixture
def layered(demo_env: None, tmp_path: Path, seen: list[Message]) -> FastAPI:
    """The app of the shipped graphs, with one layer more, inside of all others."""
    settings = Settings(_env_file=None, config=ROOT / "langgraph.json", data=tmp_path / "data")
    app = create_app(settings)
    app.user_middleware.append(Middleware(Layer, seen))
    return app


@pytest.fixture
def served(layered: FastAPI) -> Iterator[Served]:
    with serving(layered) as served:
        yield served


def test_over_a_real_server_pieces_are_sent_directly_and_the_head_has_what_the_layers_add(
    served: Served, seen: list[Message]
) -> None:
    headers = {"accept": "text/event-stream"}
    asked = {"input": {"messages": [{"role": "user", "content": "hi there"}]}}

    response = httpx.post(f"{served.url}/agent/runs", json=asked, headers=headers, timeout=PATIENCE_S)

    assert response.status_code == 201, response.text
    assert response.headers["x-request-id"]
    assert response.headers["x-layer"] == "was here"
    assert response.content.startswith(RETRY)
    assert response.text.count("event: token\n") > 1
    assert response.text.count("event: finished\n") == 1
    assert [message["type"] for message in seen] == ["http.response.start", "http.response.body"]
    assert seen[1]["more_body"] is False
    assert b"event: finished\n" in seen[1]["body"]
    assert response.content.endswith(seen[1]["body"])


@pytest.fixture
def paced(demo_env: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the demo model emit a token at a time, so that its reader waits again."""
    monkeypatch.setenv("DEMO_TPS", "100")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "asked", "writer"),
    [
        ("/agent/runs", {"input": {"messages": [{"role": "user", "content": "hi there"}]}}, "write events"),
        ("/chat", {"text": "what is the square root of 71?"}, "write tokens"),
    ],
)
async def test_tokens_are_sent_where_they_are_published_not_by_the_writing_task(
    paced: None, layered: FastAPI, path: str, asked: object, writer: str
) -> None:
    cycle = Cycle()
    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"content-type", b"application/json"),
            (b"accept", b"text/event-stream"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    bodies = iter([json.dumps(asked).encode()])

    async def receive() -> Message:
        if (body := next(bodies, None)) is None:
            await anyio.sleep_forever()
        return {"type": "http.request", "body": body, "more_body": False}

    async with layered.router.lifespan_context(layered):
        with anyio.fail_after(20):
            await layered(scope, receive, cycle.send)

    assert cycle.sent[-1]["more_body"] is False
    pieces = zip(cycle.sent[1:-1], cycle.senders[1:-1], strict=True)
    straight = [message["body"] for message, sender in pieces if sender != writer]
    assert len(straight) > 1
    if writer == "write events":
        assert all(b"event: token\n" in body for body in straight)
        whole = b"".join(message["body"] for message in cycle.sent[1:]).decode()
        seqs = [int(seq) for seq in re.findall(r"^id: 1-(\d+)$", whole, re.MULTILINE)]
        assert seqs == list(range(1, len(seqs) + 1))


def test_a_chats_pieces_are_sent_directly_too(layered: FastAPI, seen: list[Message]) -> None:
    with TestClient(layered, base_url="http://127.0.0.1") as client:
        with client.stream("POST", "/chat", json={"text": "what is the square root of 71?"}) as response:
            text = "".join(response.iter_text())
        known = json.loads(client.get("/health").text)

    assert "8.426" in text
    assert response.headers["x-request-id"]
    assert response.headers["x-run-id"]
    assert response.headers["x-layer"] == "was here"
    assert seen[1] == LAST
    assert known == {"status": "🤙"}
    assert [message["type"] for message in seen] == ["http.response.start", "http.response.body"] * 2


@pytest.mark.anyio
async def test_the_scope_does_not_keep_the_server_that_keeps_it() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend(scope["state"])

    scope: Scope = {"type": "http", "state": {"request_id": "r"}}

    async def send(message: Message) -> None:
        raise AssertionError

    await DirectSendMiddleware(app)(scope, never_receive, send)

    assert len(seen) == 2
    assert scope["state"] == {"request_id": "r"}


@pytest.mark.anyio
async def test_the_outermost_note_of_how_the_server_is_reached_counts() -> None:
    noted: list[ServerSend] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        noted.append(scope["state"][DIRECT])

    async def send(message: Message) -> None:
        raise AssertionError("nothing is sent")

    def changed_on_its_way(inner: ASGIApp) -> ASGIApp:
        async def outer(scope: Scope, receive: Receive, send: Send) -> None:
            async def other(message: Message) -> None:
                await send(message)

            await inner(scope, receive, other)

        return outer

    scope: Scope = {"type": "http"}
    await DirectSendMiddleware(changed_on_its_way(DirectSendMiddleware(app)))(scope, never_receive, send)

    assert [each.send for each in noted] == [send]
    assert scope["state"] == {}
