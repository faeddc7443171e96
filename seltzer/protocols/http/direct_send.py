"""Direct sends: a body's pieces go to the server itself, past the layers around a route.

Between a route and the server are a handful of layers, ours and the frameworks', each of which is asked to
send each piece, and looks at the head alone. At 50 tokens a second that costs as much as the write itself.
A layer that keeps the head for later, or says in it that it changes the body, gets all pieces.

All that we use of uvicorn beyond ASGI is in this module: its flow control, looked up when the server starts.
Without it nothing is sent at once, and every piece is sent by the task that writes the body.
"""

import asyncio
import logging
import math
import types
from collections.abc import Coroutine, Generator
from importlib import import_module
from typing import Any, Final, cast

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

DIRECT: Final = "seltzer_direct_send"  # in the scope's state
APART_S: Final = 0.001  # between two pieces that are sent at once; what comes sooner goes out together
_OF_THE_BODY: Final = frozenset(
    {b"content-encoding", b"content-length", b"content-type", b"transfer-encoding"}
)  # headers that a layer sets if it changes the body


class ServerSend:
    """How the server itself is reached. flow_control is the class that knows if its connection is full."""

    def __init__(self, send: Send, flow_control: type[Any] | None) -> None:
        self.send = send
        self.flow_control = flow_control
        self._passed: tuple[asyncio.Task[Any] | None, list[tuple[bytes, bytes]]] | None = None

    async def send_from_layers(self, message: Message) -> None:
        """Send what the layers have passed on."""
        if message["type"] == "http.response.start":
            self._passed = asyncio.current_task(), _about_the_body(message)
        await self.send(message)

    async def has_head_at_once(self, send: Send, head: Message) -> bool:
        """Send the head to the layers; return whether they pass it on at once, as one of the same body.

        A layer that passes messages on by a task of its own may be late with any of them, or change them.
        """
        expected = asyncio.current_task(), _about_the_body(head)
        await send(head)
        return self._passed == expected


def _about_the_body(head: Message) -> list[tuple[bytes, bytes]]:
    return sorted((name, value) for name, value in head["headers"] if name.lower() in _OF_THE_BODY)


def find_flow_control() -> type[Any] | None:
    """Return uvicorn's flow control; None, after a warning, if this uvicorn has none by that name."""
    module, name = "uvicorn.protocols.http.flow_control", "FlowControl"
    try:
        return cast(type[Any], getattr(import_module(module), name))
    except (ImportError, AttributeError):
        log.warning("streaming without direct sends, which is slower: %s.%s is missing", module, name)
        return None


class DirectSendMiddleware:
    """ASGI middleware, outside of all others: notes how the server itself is reached.

    A layer inside of it doesn't see a streamed body's pieces.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._flow_control = find_flow_control()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {}) if scope["type"] == "http" else None
        if state is None or DIRECT in state:  # noted by one outside of this one
            await self._app(scope, receive, send)
            return
        server = state[DIRECT] = ServerSend(send, self._flow_control)
        try:
            await self._app(scope, receive, server.send_from_layers)
        finally:
            state.pop(DIRECT, None)  # the server's `send` refers to the scope: no cycle must remain


class DirectSendApp(FastAPI):
    """An app with the DirectSendMiddleware around all its layers, the framework's own too."""

    def build_middleware_stack(self) -> ASGIApp:
        return DirectSendMiddleware(super().build_middleware_stack())


class DirectSend:
    """The way for the pieces of a body between its head and its end; these two go through the layers.

    The pieces do, too, unless a DirectSendMiddleware is around the app and the layers have passed the head.
    """

    def __init__(self, scope: Scope, send: Send) -> None:
        self._server: ServerSend | None = scope.get("state", {}).get(DIRECT)
        self._send = send
        self._flow: Any = None
        self._loop = asyncio.get_running_loop()
        self._sent_at_s = -math.inf
        self._unfinished: asyncio.Task[None] | None = None

    async def begin(self, head: Message) -> None:
        """Send the head, and see by it which way the pieces are to go."""
        server = self._server
        if server is None:
            await self._send(head)
        elif await server.has_head_at_once(self._send, head):
            self._send = server.send
            flow = getattr(getattr(server.send, "__self__", None), "flow", None)
            if server.flow_control is not None and isinstance(flow, server.flow_control):
                self._flow = flow

    @property
    def can_send(self) -> bool:
        """Whether a piece may be sent at once: to uvicorn, its connection not full, not too often."""
        if self._flow is None or self._flow.write_paused:
            return False
        return self._loop.time() - self._sent_at_s >= APART_S

    async def send(self, piece: bytes) -> None:
        """Send the piece; waits while the client's connection is full."""
        if self._unfinished is not None:
            await self._unfinished
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    def try_send(self, piece: bytes) -> bool:
        """Send the piece, if the way is free; return whether it was. To a client that is gone, it is.

        A server whose send() waits all the same gets all further pieces by send().
        """
        if not self.can_send:
            return False
        message = {"type": "http.response.body", "body": piece, "more_body": True}
        sending = cast(Coroutine[Any, Any, None], self._send(message))
        try:
            waits_for = sending.send(None)
        except StopIteration:
            self._sent_at_s = self._loop.time()
            return True
        log.warning("streaming without direct sends: the server's send() waits unexpectedly")
        self._flow = None
        self._unfinished = self._loop.create_task(_finished(sending, waits_for), name="send a piece")
        return True


async def _finished(sending: Coroutine[Any, Any, None], waits_for: Any) -> None:
    """Finish a coroutine that was begun without a task, and waits for that future."""

    @types.coroutine
    def rest() -> Generator[Any, Any, None]:
        awaited = waits_for
        while True:
            yield awaited
            try:
                awaited = sending.send(None)
            except StopIteration:
                return

    await rest()
