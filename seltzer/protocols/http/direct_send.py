"""Direct sends: a body's pieces go to the server itself, past the layers around a route.

Between a route and the server stand a handful of layers, ours and the frameworks', each of which is asked to
send each piece, and looks at the head alone. At 50 tokens a second that costs as much as the write itself.

All that we use of uvicorn beyond ASGI is in this module: its flow control, looked up when the server starts.
Without it nothing is sent at once, and every piece is sent by the task that writes the body.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, cast

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

DIRECT: Final = "seltzer_direct_send"  # in the scope's state
APART_S: Final = 0.001  # between two pieces that are sent at once; what comes sooner goes out together


@dataclass(frozen=True, slots=True)
class ServerSend:
    """How the server itself is reached. flow_control is the class that knows if its connection is full."""

    send: Send
    flow_control: type[Any] | None


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
        if scope["type"] == "http":
            scope.setdefault("state", {})[DIRECT] = ServerSend(send, self._flow_control)
        try:
            await self._app(scope, receive, send)
        finally:
            scope.get("state", {}).pop(
                DIRECT, None
            )  # the server's `send` holds the scope: no cycle is to stay


class DirectSendApp(FastAPI):
    """An app around all of whose layers, the framework's own too, lies the DirectSendMiddleware."""

    def build_middleware_stack(self) -> ASGIApp:
        return DirectSendMiddleware(super().build_middleware_stack())


class DirectSend:
    """The way for the pieces of a body between its head and its end; these two go through the layers.

    Without a DirectSendMiddleware around the app, all pieces go through the layers.
    """

    def __init__(self, scope: Scope, send: Send) -> None:
        server: ServerSend = scope.get("state", {}).get(DIRECT) or ServerSend(send, None)
        self._send = server.send
        flow = getattr(getattr(self._send, "__self__", None), "flow", None)
        is_uvicorns = server.flow_control is not None and isinstance(flow, server.flow_control)
        self._flow: Any = flow if is_uvicorns else None
        self._loop = asyncio.get_running_loop()
        self._sent_at_s = -math.inf

    @property
    def can_send(self) -> bool:
        """Whether a piece may be sent at once: to uvicorn, its connection not full, not too often."""
        if self._flow is None or self._flow.write_paused:
            return False
        return self._loop.time() - self._sent_at_s >= APART_S

    def send(self, piece: bytes) -> Awaitable[None]:
        """Send the piece; waits while the client's connection is full."""
        return self._send({"type": "http.response.body", "body": piece, "more_body": True})

    def try_send(self, piece: bytes) -> bool:
        """Send the piece, if the way is free; return whether it was. To a client that is gone, it is."""
        if not self.can_send:
            return False
        sending = cast(Coroutine[Any, Any, None], self.send(piece))
        try:
            sending.send(None)
        except StopIteration:
            self._sent_at_s = self._loop.time()
            return True
        sending.close()
        raise RuntimeError("the server's send() waits although its connection isn't full")
