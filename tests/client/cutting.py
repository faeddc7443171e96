"""A proxy that cuts connections: it is between a client and a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.patience import PATIENCE_S


@dataclass(slots=True)
class Cutting:
    """A proxy that is up. passed counts the server's bytes that went through, connection by connection."""

    url: str
    passed: list[int] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def cutting(address: tuple[str, int], limits: Sequence[int]) -> Iterator[Cutting]:
    """Pass on so many bytes of the server's on each connection in turn, then cut it; on later ones, all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Cutting(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_accept, args=(listener, proxy, address, limits), daemon=True)
        thread.start()
        yield proxy
        proxy.is_over.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE_S)


def _accept(listener: socket.socket, proxy: Cutting, address: tuple[str, int], limits: Sequence[int]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            if proxy.is_over.is_set():
                return
            raise
        place = len(proxy.passed)
        proxy.passed.append(0)
        limit = limits[place] if place < len(limits) else None
        with client, socket.create_connection(address) as server:
            _pass(client, server, limit, proxy, place)


def _pass(
    client: socket.socket, server: socket.socket, limit: int | None, proxy: Cutting, place: int
) -> None:
    asking = threading.Thread(target=_copy, args=(client, server), daemon=True)
    asking.start()
    with suppress(OSError):  # the client has gone
        while piece := server.recv(65536 if limit is None else min(65536, limit - proxy.passed[place]) or 1):
            if limit is not None and proxy.passed[place] >= limit:
                break
            client.sendall(piece)
            proxy.passed[place] += len(piece)
    for each in (client, server):
        with suppress(OSError):  # it is closed already
            each.shutdown(socket.SHUT_RDWR)
    asking.join(PATIENCE_S)


def _copy(client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):  # either has gone
        while piece := client.recv(65536):
            server.sendall(piece)
        server.shutdown(socket.SHUT_WR)
