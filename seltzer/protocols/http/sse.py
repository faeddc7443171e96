"""Events -> bytes on the wire: frames, pings and headers. The only writer of server-sent events of our own.

Source: WHATWG HTML 9.2.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Final, Self

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seltzer.errors import AppError, ServerDraining
from seltzer.protocols.http.direct_send import DirectSend
from seltzer.protocols.http.disconnect import disconnected
from seltzer.runs.event import TERMINAL_KINDS, Event
from seltzer.runs.jsonable import dumps
from seltzer.runs.streaming.hub import Deliver

log = logging.getLogger(__name__)

HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would buffer the events until it has a page of them
}
# Lines of the block that the next event ends: an empty line after them would be an event to some clients.
RETRY: Final = b"retry: 1000\n"
PING: Final = b": ping\n"
DRAINING: Final = b'event: draining\ndata: {"retry_after_ms":1000}\n\n'


def frame(event: Event) -> bytes:
    """Return the event as one frame: its cursor is the id, its kind the event's name.

    The id comes last: a client that stores it once it is read, as fetch-event-source does, would skip the
    event if the connection broke after an id before the data.
    """
    return b"event: %s\ndata: %s\nid: %d-%d\n\n" % (
        event.kind.encode(), dumps(event.data), event.attempt, event.seq,
    )  # fmt: skip


class EventStream(Response):
    """A run's events as they arrive; the frames of one batch go out in one piece.

    follow begins to follow the run, and is given a Deliver, which may send events in place of this task.
    The head goes out at once, so that a client sees that it was accepted, and a ping wherever ping_s pass
    without a frame. A disconnect ends the stream, never the run. When the server drains, the last frame is
    `draining`, without an id; an error in mid-stream leaves the body unfinished, for the client to reconnect
    and get a status.
    """

    def __init__(
        self,
        follow: Callable[[Deliver], AsyncGenerator[Sequence[Event]]],
        *,
        ping_s: float,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        encode: Callable[[Event], bytes] = frame,
    ) -> None:
        # Not by Response's own: that has a body, if an empty one, and puts its length into the head.
        self.status_code = status_code
        self.background = None
        self.init_headers({**HEADERS, **(headers or {})})
        self._follow = follow
        self._ping_s = ping_s
        self._encode = encode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        writing = asyncio.create_task(self._write(send, DirectSend(scope, send)), name="write events")
        leaving = asyncio.create_task(disconnected(receive), name="watch a client")
        try:
            await asyncio.wait((writing, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()  # not awaited: it has no resources, and the last event would wait with it
            if not writing.done():
                writing.cancel()
                await asyncio.wait((writing,))
        if not writing.cancelled():
            writing.result()

    async def _write(self, send: Send, way: DirectSend) -> None:
        await way.begin(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        end = b""  # the last frame goes out with the body's end
        async with (
            BodyWriter(way, self._ping_s) as line,
            aclosing(self._follow(self._deliver_to(line))) as batches,
        ):
            await line.send(RETRY)
            try:
                async for batch in batches:
                    piece = b"".join(map(self._encode, batch))
                    if batch[-1].kind in TERMINAL_KINDS:
                        end = piece
                    else:
                        await line.send(piece)
            except ServerDraining:
                end = DRAINING
            except AppError as error:
                log.warning("a stream of events broke off: %s", error.code, exc_info=error)
                return
        await send({"type": "http.response.body", "body": end, "more_body": False})

    def _deliver_to(self, line: "BodyWriter") -> Deliver:
        """Return what sends events where they are published: waking the task costs more than the sending."""
        encode = self._encode

        def deliver(events: Sequence[Event]) -> bool:
            return line.try_send(b"".join(map(encode, events)))

        return deliver


class BodyWriter:
    """A body going out in pieces, one at a time, and the pings between them.

    One timer for the whole of it, which a piece doesn't touch: when it fires it looks how long ago the last
    one was. With is_steady it pings however short that is.
    """

    def __init__(
        self,
        way: DirectSend,
        ping_s: float,
        ping: Callable[[], bytes] = lambda: PING,
        *,
        is_steady: bool = False,
    ) -> None:
        self._way = way
        self._ping_s = ping_s
        self._ping_frame = ping
        self._is_steady = is_steady
        self._loop = asyncio.get_running_loop()
        self._is_sending = False
        self._sent_at_s = self._loop.time()
        self._ping: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(ping_s, self._look)

    async def send(self, piece: bytes) -> None:
        """Send the piece; waits while the client's connection is full."""
        while self._ping is not None:  # another one may begin before this one resumes
            await asyncio.wait((self._ping,))
        self._is_sending = True
        await self._way.send(piece)
        self._is_sending = False
        self._sent_at_s = self._loop.time()

    def try_send(self, piece: bytes) -> bool:
        """Send the piece if that needs no wait; return whether it was sent."""
        if self._ping is not None or not self._way.try_send(piece):
            return False
        self._sent_at_s = self._loop.time()
        return True

    def _look(self) -> None:
        rest_s = self._sent_at_s + self._ping_s - self._loop.time()
        if self._is_steady or rest_s <= 0:
            rest_s = self._ping_s
            if not self._is_sending and self._ping is None:  # else there are bytes on their way already
                self._ping = asyncio.create_task(self._send_ping(), name="ping")
                self._ping.add_done_callback(self._pinged)
        self._timer = self._loop.call_later(rest_s, self._look)

    async def _send_ping(self) -> None:
        await self._way.send(self._ping_frame())

    def _pinged(self, ping: asyncio.Task[None]) -> None:
        self._ping = None
        if not ping.cancelled():
            ping.exception()  # a client that is gone: the next piece meets the same

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._ping is not None:
            self._ping.cancel()
            await asyncio.wait((self._ping,))
