"""The straight way of a body's pieces to the server.

Between a route and the server stand a handful of layers, ours and the frameworks', each of which is asked to
send each piece, and looks at the head alone. At 50 tokens a second that costs as much as the write itself.
"""

import asyncio
import math
from collections.abc import Awaitable, Coroutine
from typing import Any, Final, cast

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl

_KEY: Final = "send_straight"
APART_S: Final = 0.001  # between two pieces that are sent at once; what comes sooner goes out together


class DirectSendMiddleware:
    """ASGI middleware, outside of all others: notes how the server itself is reached.

    A layer inside of it doesn't see a streamed body's pieces.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})[_KEY] = send
        try:
            await self._app(scope, receive, send)
        finally:
            scope.get("state", {}).pop(_KEY, None)  # the server's `send` holds the scope: no cycle is to stay


class DirectSendApp(FastAPI):
    """An app around all of whose layers, the framework's own too, lies the DirectSendMiddleware."""

    def build_middleware_stack(self) -> ASGIApp:
        return DirectSendMiddleware(super().build_middleware_stack())


class DirectSend:
    """The way for the pieces of a body between its head and its end; these two take the long one."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send: Send = scope.get("state", {}).get(_KEY, send)
        flow = getattr(getattr(self._send, "__self__", None), "flow", None)
        self._flow = flow if isinstance(flow, FlowControl) else None
        self._loop = asyncio.get_running_loop()
        self._said_s = -math.inf

    @property
    def can_send(self) -> bool:
        """Say whether a piece may be sent at once: to uvicorn, its connection not full, not too often."""
        if self._flow is None or self._flow.write_paused:
            return False
        return self._loop.time() - self._said_s >= APART_S

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
            self._said_s = self._loop.time()
            return True
        sending.close()
        raise RuntimeError("the server's send() waits where it said that it wouldn't")
