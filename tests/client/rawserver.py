"""An HTTP server that sends exactly the given bytes, one socket write a piece, and then hangs up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.patience import PATIENCE_S

Answer: TypeAlias = Callable[[bytes], Sequence[bytes]]  # from the request to the pieces of the answer


@dataclass(slots=True)
class RawServer:
    """A server that is up. requests are what it was sent, in order."""

    url: str
    requests: list[bytes] = field(default_factory=list)
    client_left: threading.Event = field(default_factory=threading.Event)
    is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def request(self) -> bytes:
        """What it was sent last."""
        return self.requests[-1]


@contextmanager
def answering(*pieces: bytes, stays: bool = False) -> Iterator[RawServer]:
    """Answer one request with the pieces. With stays, the connection is open until the client disconnects."""
    with answering_each(lambda request: pieces, stays=stays) as server:
        yield server


@contextmanager
def answering_each(*answers: Answer, stays: bool = False) -> Iterator[RawServer]:
    """Answer one request after the other, each on a connection of its own; more are refused.

    Not all need be asked for. With stays, keep the connections open until the client disconnects.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        server = RawServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(listener, server, answers, stays), daemon=True)
        thread.start()
        yield server
        server.is_over.set()
        with suppress(OSError):  # it has closed it by itself, after its last answer
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE_S)


def _serve(listener: socket.socket, server: RawServer, answers: Sequence[Answer], stays: bool) -> None:
    for place, answer in enumerate(answers):
        try:
            connection, _ = listener.accept()
        except OSError:
            if server.is_over.is_set():
                return
            raise
        if place == len(answers) - 1:
            listener.close()
        with connection:
            connection.settimeout(PATIENCE_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.requests.append(_read_request(connection))
            with suppress(BrokenPipeError, ConnectionResetError):  # a client that has read enough hangs up
                for piece in answer(server.request):
                    connection.sendall(piece)
                while stays and connection.recv(1):
                    pass
            if stays:
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


def header(request: bytes, name: str) -> str:
    """Return a header of the request, "" if it isn't there."""
    for line in request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]:
        key, _, value = line.partition(": ")
        if key.lower() == name:
            return value
    return ""


def head(status: str = "200 OK", content_type: str = "text/plain; charset=utf-8", **headers: str) -> bytes:
    """Return the head of a chunked answer."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", "transfer-encoding: chunked"]
    lines += ["connection: close", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


END = b"0\r\n\r\n"
