"""The idle connections of one event loop, each kept for a while for the next request to its endpoint."""

import asyncio
from contextvars import Context
from typing import NamedTuple

from seltzer.models.openai.accelerated.http.connection import Connection


class Endpoint(NamedTuple):
    """Where a connection leads."""

    scheme: str
    host: str
    port: int


class Pool:
    """Used by its event loop alone. keep_alive_s: how long a connection may be idle."""

    def __init__(self, loop: asyncio.AbstractEventLoop, keep_alive_s: float) -> None:
        self._loop = loop
        self._keep_alive_s = keep_alive_s
        self._idle: dict[Endpoint, list[Connection]] = {}
        self._expiring: set[Connection] = set()  # those that have a timer

    def claim(self, endpoint: Endpoint) -> Connection | None:
        """Return the connection that was used last, if one is open."""
        idle = self._idle.get(endpoint, [])
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
            connection.close()
        return None

    def release(self, endpoint: Endpoint, connection: Connection) -> None:
        """Keep the connection, if another request may follow on it; else close it."""
        if not connection.is_reusable:
            connection.close()
            return
        connection.released_s = self._loop.time()
        self._idle.setdefault(endpoint, []).append(connection)
        if connection not in self._expiring:
            self._expiring.add(connection)
            self._expire_later(endpoint, connection)

    def close(self) -> None:
        """Close all of them."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def _expire_later(self, endpoint: Endpoint, connection: Connection) -> None:
        due_s = connection.released_s + self._keep_alive_s
        self._loop.call_at(due_s, self._expire, endpoint, connection, context=Context())

    def _expire(self, endpoint: Endpoint, connection: Connection) -> None:
        """Close it if it is idle for long enough. One in use is looked at again once it is released."""
        idle = self._idle.get(endpoint, [])
        if connection in idle and self._loop.time() < connection.released_s + self._keep_alive_s:
            self._expire_later(endpoint, connection)
            return
        self._expiring.discard(connection)
        if connection in idle:
            idle.remove(connection)
            connection.close()
