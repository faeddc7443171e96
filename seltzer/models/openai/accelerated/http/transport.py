"""Sends the chat models' requests over connections of our own.

httpx2's own transport spends ten times as long on a streamed token, most of it in parsing chunked bodies.
Departs from it:
1. Several addresses of one host are tried in turn, not in a race.
2. HTTP/1.1 only. A proxy named by the environment or by the client's user is left to httpx2's.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextvars import Context
from typing import Any, NamedTuple, Self

import httpx2

from seltzer.models.openai.accelerated.http.connection import Connection
from seltzer.models.openai.accelerated.http.pool import Endpoint, Pool

# Extensions of a response, for who reads it without the client's layers:
SET_CONSUMER = "seltzer.set_consumer"  # Connection.set_consumer
IS_WHOLE = "seltzer.is_whole"  # whether all of the body was read
READ = "seltzer.read"  # the body's next bytes
SENT_BY = "seltzer.sent_by"  # the Transport
_BREAKS = re.compile(rb"[\r\n\0]")
_LENGTHS = (b"content-length", b"transfer-encoding")  # the body is here whole: it has a length
PORTS = {"http": 80, "https": 443}


class Destination(NamedTuple):
    """Where a request goes, and how long its connection and each read may take, in seconds."""

    endpoint: Endpoint
    server_name: str  # in TLS
    connect_s: float | None
    read_s: float | None

    @classmethod
    def of(cls, request: httpx2.Request) -> Self:
        """Read the destination from a request."""
        url, limits = request.url, request.extensions.get("timeout", {})
        host = url.raw_host.decode("ascii")
        return cls(
            Endpoint(url.scheme, host, url.port or PORTS[url.scheme]),
            request.extensions.get("sni_hostname") or host,
            limits.get("connect"),
            limits.get("read"),
        )


class Transport(httpx2.AsyncBaseTransport):
    """Sends requests over connections that stay pooled for keep_alive_s seconds for the next ones.

    Event loops in several threads may use it, each with a pool of its own.
    """

    def __init__(self, context: ssl.SSLContext, keep_alive_s: float) -> None:
        context.set_alpn_protocols(["http/1.1"])
        self._context = context
        self._keep_alive_s = keep_alive_s
        self._pools: dict[asyncio.AbstractEventLoop, Pool] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        wire = with_body(encoded_head(request), await request.aread())
        return await self.send(wire, Destination.of(request))

    async def send(self, wire: bytes, destination: Destination) -> httpx2.Response:
        """Send an encoded request, and return its response once the head is there. Raises httpx2's errors."""
        pool, endpoint = self._pool(), destination.endpoint
        connection = pool.claim(endpoint) or await self._connect(destination)
        try:
            connection.send(wire, read_s=destination.read_s)
            status, headers = await connection.head()
        except BaseException:
            connection.close()
            raise
        body = _Body(pool, endpoint, connection)
        return httpx2.Response(
            status,
            headers=headers,
            stream=body,
            extensions={
                SET_CONSUMER: connection.set_consumer,
                IS_WHOLE: connection.is_whole,
                READ: body.read,
                SENT_BY: self,
            },
        )

    async def aclose(self) -> None:
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool:
            pool.close()

    def _pool(self) -> Pool:
        """Return the running loop's pool. Those of closed loops are dropped when another one is made."""
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            for each in [each for each in tuple(self._pools) if each.is_closed()]:
                self._pools.pop(each, None)
            pool = self._pools[loop] = Pool(loop, self._keep_alive_s)
        return pool

    async def _connect(self, destination: Destination) -> Connection:
        (scheme, host, port), loop = destination.endpoint, asyncio.get_running_loop()
        secure: dict[str, Any] = {}
        if scheme == "https":
            secure = {"ssl": self._context, "server_hostname": destination.server_name}
        try:
            async with asyncio.timeout(destination.connect_s):
                connecting = loop.create_connection(Connection, host, port, **secure)
                _, connection = await loop.create_task(connecting, context=Context())
        except TimeoutError as error:
            raise httpx2.ConnectTimeout("The upstream took too long to accept a connection.") from error
        except OSError as error:
            raise httpx2.ConnectError(str(error)) from error
        return connection


class _Body(httpx2.AsyncByteStream):
    """The rest of an answer. Closing it before its end closes the connection."""

    def __init__(self, pool: Pool, endpoint: Endpoint, connection: Connection) -> None:
        self._pool = pool
        self._endpoint = endpoint
        self._connection: Connection | None = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read():
            yield data

    async def read(self) -> bytes:
        """Return the bytes that have arrived, waiting for some; empty is the end."""
        return await self._connection.read() if self._connection else b""

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.set_consumer(None)  # it would keep everything of the answer alive in the pool
            self._pool.release(self._endpoint, connection)


def encoded_head(request: httpx2.Request) -> bytes:
    """Write a request's head as HTTP/1.1, without its body's length, which with_body() adds.

    Raises LocalProtocolError for a header that isn't one line.
    """
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%s: %s" % header for header in request.headers.raw if header[0].lower() not in _LENGTHS]
    if _BREAKS.search(b" ".join(lines)):
        raise httpx2.LocalProtocolError("A header of the request contains a line end: is it the key's?")
    return b"\r\n".join(lines)


def with_body(head: bytes, body: bytes) -> bytes:
    """Return the whole request."""
    return b"%s\r\nContent-Length: %d\r\n\r\n%s" % (head, len(body), body)
