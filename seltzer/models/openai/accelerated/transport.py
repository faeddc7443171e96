"""The chat model's HTTP client: httpx2's AsyncClient over connections of our own.

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
from typing import Any, NamedTuple
from urllib.request import getproxies

import httpx2
from openai import DefaultAsyncHttpxClient

from seltzer.models.openai.accelerated.connection import Connection

# Extensions of a response, for who reads it without the client's layers:
SET_CONSUMER = "seltzer.set_consumer"  # Connection.set_consumer
IS_WHOLE = "seltzer.is_whole"  # whether all of the body was read
READ = "seltzer.read"  # the body's next bytes
_BREAKS = re.compile(rb"[\r\n\0]")
_PORTS = {"http": 80, "https": 443}


class ModelHttpClient(DefaultAsyncHttpxClient):
    """The SDK's client with this module's transport. It may be made outside any event loop.

    keep_alive_s: how long an idle connection stays pooled. Servers close theirs sooner or later, and a
    request would run into it.
    """

    def __init__(self, *, keep_alive_s: float = 5.0, **options: Any) -> None:
        transport, proxies = Transport(httpx2.create_ssl_context(), keep_alive_s), getproxies()
        proxies.pop("no", None)
        if not proxies:
            super().__init__(transport=transport, **options)
            return
        # A `transport=` would switch off all proxies of the environment.
        direct = () if "all" in proxies else [scheme for scheme in _PORTS if scheme not in proxies]
        super().__init__(mounts={f"{scheme}://": transport for scheme in direct}, **options)


class Origin(NamedTuple):
    """Where a connection leads; connections belong to the loop that made them."""

    loop: asyncio.AbstractEventLoop
    scheme: str
    host: str
    port: int


class Transport(httpx2.AsyncBaseTransport):
    """Sends requests over connections that stay pooled for keep_alive_s seconds for the next ones."""

    def __init__(self, context: ssl.SSLContext, keep_alive_s: float) -> None:
        context.set_alpn_protocols(["http/1.1"])
        self._context = context
        self._keep_alive_s = keep_alive_s
        self._idle: dict[Origin, list[Connection]] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        limits = request.extensions.get("timeout", {})
        wire = _encoded(request, await request.aread())
        url = request.url
        host = url.raw_host.decode("ascii")
        origin = Origin(asyncio.get_running_loop(), url.scheme, host, url.port or _PORTS[url.scheme])
        connection = self._idle_connection(origin) or await self._connect(
            origin, request, limits.get("connect")
        )
        try:
            connection.send(wire, read_s=limits.get("read"))
            status, headers = await connection.head()
        except BaseException:
            connection.close()
            raise
        body = _Body(self, origin, connection)
        return httpx2.Response(
            status,
            headers=headers,
            stream=body,
            extensions={
                SET_CONSUMER: connection.set_consumer,
                IS_WHOLE: connection.is_whole,
                READ: body.read,
            },
        )

    async def aclose(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def release(self, origin: Origin, connection: Connection) -> None:
        """Return a connection to the pool for a while, if another request may follow on it."""
        if not connection.is_reusable:
            connection.close()
            return
        self._idle = {place: pooled for place, pooled in self._idle.items() if not place.loop.is_closed()}
        idle = self._idle.setdefault(origin, [])
        idle.append(connection)

        def expire() -> None:
            if connection in idle:
                idle.remove(connection)
                connection.close()

        origin.loop.call_later(self._keep_alive_s, expire, context=Context())

    def _idle_connection(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin, [])
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
            connection.close()
        return None

    async def _connect(self, origin: Origin, request: httpx2.Request, limit_s: float | None) -> Connection:
        secure: dict[str, Any] = {}
        if origin.scheme == "https":
            name = request.extensions.get("sni_hostname") or origin.host
            secure = {"ssl": self._context, "server_hostname": name}
        try:
            async with asyncio.timeout(limit_s):
                connecting = origin.loop.create_connection(Connection, origin.host, origin.port, **secure)
                _, connection = await origin.loop.create_task(connecting, context=Context())
        except TimeoutError as error:
            raise httpx2.ConnectTimeout("The upstream took too long to accept a connection.") from error
        except OSError as error:
            raise httpx2.ConnectError(str(error)) from error
        return connection


class _Body(httpx2.AsyncByteStream):
    """The rest of an answer. Closing it before its end closes the connection."""

    def __init__(self, transport: Transport, origin: Origin, connection: Connection) -> None:
        self._transport = transport
        self._origin = origin
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
            connection.set_consumer(
                None
            )  # else a pooled connection would keep everything of the answer alive
            self._transport.release(self._origin, connection)


def _encoded(request: httpx2.Request, body: bytes) -> bytes:
    """Write a request as HTTP/1.1. Raises LocalProtocolError for a header that isn't one line."""
    head = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    for name, value in request.headers.raw:
        if name.lower() == b"transfer-encoding":  # the body is here whole by now
            name, value = b"Content-Length", b"%d" % len(body)
        head.append(b"%s: %s" % (name, value))
    if _BREAKS.search(b" ".join(head)):
        raise httpx2.LocalProtocolError("A header of the request contains a line end: is it the key's?")
    return b"\r\n".join([*head, b"", body])
