"""One HTTP/1.1 connection to an upstream, its answers parsed by httptools (llhttp, Node.js's parser)."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import cast

import httptools
import httpx2

Headers = list[tuple[bytes, bytes]]
_PAUSE_BYTES = 256 * 1024  # of a body, unread, after which the upstream is made to wait
_MAX_HEAD_BYTES = 1024 * 1024  # of a head or trailers, after which the response is rejected


class Connection(asyncio.Protocol):
    """Sends one request after the other; returns a response's body as it arrives, all that waits at once.

    What arrived before a failure is returned before the failure is raised, as one of httpx2's errors.
    released_s: when it was last returned to its pool, by the loop's clock.
    """

    released_s = 0.0

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._error: httpx2.TransportError | None = None
        self._reset()

    def _reset(self) -> None:
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # the parser calls it with pieces of the body
        self._unread_bytes = 0
        self._head_bytes = 0
        self._status = 0
        self._headers: Headers = []
        self._is_complete = False
        self._may_follow = False
        self._consumer: Callable[[bytes], bytes] | None = None
        self._parser = httptools.HttpResponseParser(self)

    def send(self, request: bytes, *, read_s: float | None) -> None:
        """Send a request; read_s bounds each wait for something of its answer."""
        self._reset()
        self._stop_timer()  # it may be set for a later time than this request's
        self._read_s = read_s
        self._transport.write(request)

    async def head(self) -> tuple[int, Headers]:
        """Wait for the answer's status and headers."""
        while not self._status:
            await self._wait()
        return self._status, self._headers

    async def read(self) -> bytes:
        """Return what has arrived of the body, waiting for some; empty is its end."""
        while not self._pieces:
            if self._is_complete:
                return b""
            await self._wait()
        data = b"".join(self._pieces)
        self._pieces.clear()
        if self._unread_bytes > _PAUSE_BYTES:
            self._transport.resume_reading()
        self._unread_bytes = 0
        return data

    def set_consumer(self, consumer: Callable[[bytes], bytes] | None) -> None:
        """Pass what arrives of this body while read() waits to the consumer first; None removes it.

        It is called where the bytes arrive, and returns the rest, for read(); it must not raise.
        """
        self._consumer = consumer

    def is_whole(self) -> bool:
        """Return whether the whole response was read."""
        return self._is_complete and not self._pieces

    @property
    def is_open(self) -> bool:
        return not self._error and not self._transport.is_closing()

    @property
    def is_reusable(self) -> bool:
        """Return whether the whole response was read and another request may follow."""
        return self.is_whole() and self._may_follow and self.is_open

    def close(self) -> None:
        """Close at once: the upstream need not finish."""
        self._transport.abort()

    async def _wait(self) -> None:
        """Wait for the next bytes. One timer serves all waits, and is set anew when it fires too early."""
        if self._error:
            raise self._error
        self._waiter = self._loop.create_future()
        if self._read_s is not None:
            self._received_s = self._loop.time()
            if not self._timer:
                due_s = self._received_s + self._read_s
                self._timer = self._loop.call_at(due_s, self._check_timeout, self._read_s, context=Context())
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _check_timeout(self, read_s: float) -> None:
        self._timer = None
        if not self._waiter:
            return
        if self._loop.time() < (due_s := self._received_s + read_s):
            self._timer = self._loop.call_at(due_s, self._check_timeout, read_s, context=Context())
        else:
            self._fail(httpx2.ReadTimeout("The upstream sent nothing in time."))

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _fail(self, error: httpx2.TransportError) -> None:
        self._error = self._error or error
        self._wake()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._reject(f"The upstream's answer isn't HTTP/1.1: {error}")
            return
        self._head_bytes = 0 if self._pieces or self._is_complete else self._head_bytes + len(data)
        if self._head_bytes > _MAX_HEAD_BYTES:
            self._reject("The head or the trailers of the upstream's answer have no end.")
            return
        if self._consumer and self._pieces and self._waiter and not self._waiter.done():
            rest = self._consumer(b"".join(self._pieces))
            self._pieces.clear()
            if rest:
                self._pieces.append(rest)
            elif not self._is_complete:
                self._received_s = self._loop.time()
                return
        if self._pieces and self._unread_bytes <= _PAUSE_BYTES:
            self._unread_bytes += len(data)
            if self._unread_bytes > _PAUSE_BYTES:
                self._transport.pause_reading()
        self._wake()

    def _reject(self, why: str) -> None:
        self._fail(httpx2.RemoteProtocolError(why))
        self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._stop_timer()
        if error:
            self._fail(httpx2.ReadError(str(error)))
        elif self._status and not self._has_length:
            self._is_complete = True  # its length was "until I close"
            self._fail(httpx2.ReadError("The upstream closed the connection."))
        else:
            self._fail(httpx2.RemoteProtocolError("The upstream closed the connection in mid-answer."))
        del self._parser  # it refers to this connection: a cycle, left to the collector

    @property
    def _has_length(self) -> bool:
        return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._headers)

    def on_message_begin(self) -> None:
        if self._is_complete:
            raise ValueError("an answer without a request")  # which might be read as the next one's
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._status:  # else a trailer, which is ignored
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._status = status if status >= 200 else 0  # 1xx: the response itself follows

    def on_message_complete(self) -> None:
        self._is_complete = bool(self._status)
        self._may_follow = bool(self._parser.should_keep_alive())
