"""LangServe's event streams, sent by our own writer: its frames, heads and pings stay sse-starlette's.

Departs from sse-starlette's EventSourceResponse:
1. It watches neither its client nor the server's shutdown. guard.py does the first, and cancels the run; a
   stream ends when its run does. So a uvicorn that is asked to stop waits for it before it ends the lifespan.
   `seltzer serve` closes the engine first; another server needs --timeout-graceful-shutdown.
2. It takes over the status, the head and the items, and skips Response.__init__, which would make a head of
   its own. The response's `background` is dropped: LangServe's streams have none; one that had would never be
   run.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, cast

from sse_starlette import EventSourceResponse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seltzer.protocols.http.direct_send import DirectSend
from seltzer.protocols.http.sse import BodyWriter
from seltzer.protocols.langserve.frames import frame

_MOST_WAITING: Final = 100  # frames, before more are made


class ItemStream(Response):
    """Sends what an EventSourceResponse would."""

    def __init__(self, response: EventSourceResponse, ping_s: float) -> None:
        self.status_code = response.status_code
        self.background = None
        self.raw_headers = response.raw_headers
        self._items = cast(AsyncGenerator[dict[str, Any]], response.body_iterator)
        self._ping_s = ping_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A task of its own: by this one an item would go through all layers around the route.
        await asyncio.create_task(self._write(send, DirectSend(scope, send)), name="write items")

    async def _write(self, send: Send, way: DirectSend) -> None:
        await way.begin(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        line = BodyWriter(way, self._ping_s, _ping, is_steady=True)
        async with line, _Frames(line) as frames:
            try:
                async for item in self._items:
                    if item.get("event") != "error":
                        await frames.add(frame(item))
                        continue
                    await frames.flush()
                    # Through the layers, and a piece of its own: guard.py puts ours in its place.
                    await send({"type": "http.response.body", "body": frame(item), "more_body": True})
            except BaseException:
                with suppress(RuntimeError):  # LangServe yields inside `except BaseException`
                    await self._items.aclose()
                raise
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Frames:
    """Frames on their way to the writer: those added within one turn of the loop go out in one piece.

    The block ends when all is sent; if it is cancelled, at once: the client may have ceased to read.
    """

    def __init__(self, line: BodyWriter) -> None:
        self._line = line
        self._waiting: list[bytes] = []
        self._sending: asyncio.Task[None] | None = None

    async def add(self, frame: bytes) -> None:
        """Deliver the frame; waits while too many are on their way."""
        self._waiting.append(frame)
        if self._sending is None or self._sending.done():
            await self.flush()
            self._sending = asyncio.create_task(self._send(), name="send frames")
        elif len(self._waiting) >= _MOST_WAITING:
            await self.flush()

    async def flush(self) -> None:
        """Wait until all is sent. Raises what sending raised."""
        if self._sending is not None:
            await self._sending

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, Exception):
            await self.flush()
        elif self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        while self._waiting:
            piece = b"".join(self._waiting)
            self._waiting.clear()
            await self._line.send(piece)


def _ping() -> bytes:
    return f": ping - {datetime.now(UTC)}\r\n\r\n".encode()
