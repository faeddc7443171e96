"""An HTTP server that sends the exact bytes it is told, one socket write a piece, and then hangs up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

_WAIT_S = 10.0


@dataclass(slots=True)
class RawServer:
    """A server that is up; it answers one request. request is what it was sent."""

    url: str
    request: bytes = b""
    client_left: threading.Event = field(default_factory=threading.Event)


@contextmanager
def answering(*pieces: bytes, stays: bool = False) -> Iterator[RawServer]:
    """Answer one request with the pieces. With stays, keep the connection open until the client leaves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_WAIT_S)
        server = RawServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(listener, server, pieces, stays), daemon=True)
        thread.start()
        yield server
        thread.join(_WAIT_S)


def _serve(listener: socket.socket, server: RawServer, pieces: Sequence[bytes], stays: bool) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(_WAIT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.request = _read_request(connection)
        for piece in pieces:
            connection.sendall(piece)
        if stays and not connection.recv(1):
            server.client_left.set()


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def head(status: str = "200 OK", content_type: str = "text/plain; charset=utf-8", **headers: str) -> bytes:
    """Return the head of a chunked answer."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", "transfer-encoding: chunked"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


END = b"0\r\n\r\n"
