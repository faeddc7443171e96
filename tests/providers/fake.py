"""All providers at one address over loopback, each below a path of its own; a question names its scenario."""

import json
import re
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.patience import PATIENCE_S
from tests.providers.scenarios import AFTER_TOOL, SCENARIOS, Answer, Refused, Scenario
from tests.providers.wire import RENDERS, refusal

_ASKED = re.compile(r"scenario:([\w-]+)")
_RESULT = re.compile(r'"role": ?"tool"|function_call_output|tool_result|[fF]unction_?[rR]esponse|toolResult')


class FakeProviders:
    """The server, started by `with`. Its address is known before. asked: the bodies of its requests."""

    asked: list[str]

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.waiting = set()
        self._server.asked = self.asked = []
        self._thread = threading.Thread(target=self._server.serve_forever, name="providers", daemon=True)

    def hang_up(self) -> None:
        """Close the connections on which nothing is sent any more."""
        for connection in list(self._server.waiting):
            connection.shutdown(socket.SHUT_RDWR)

    def url(self, provider: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{provider}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _scenario(body: str) -> Scenario:
    *_, asked = _ASKED.finditer(body)
    return AFTER_TOOL if _RESULT.search(body, asked.end()) else SCENARIOS[asked[1]]


class _Server(ThreadingHTTPServer):
    waiting: set[socket.socket]
    asked: list[str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        provider = self.path.split("/")[1]
        self.server.asked.append(body)  # type: ignore[attr-defined]  # the server is ours
        self.close_connection = True
        scenario = _scenario(body)
        if isinstance(scenario, Refused):
            self._refuse(provider, scenario)
        elif isinstance(scenario, Answer):
            self._answer(provider, scenario)
        else:
            self._wait()

    def _refuse(self, provider: str, refused: Refused) -> None:
        body, headers = refusal(provider, refused.status, refused.message)
        self._head(refused.status, {"content-type": "application/json", **headers, **dict(refused.headers)})
        self._chunk(json.dumps(body).encode())
        self._chunk(b"")

    def _answer(self, provider: str, answer: Answer) -> None:
        render, content_type = RENDERS[provider]
        self._head(200, {"content-type": content_type})
        for piece in render(answer):
            self._chunk(piece)
        if answer.end == "stall":
            self._wait()
            return
        if answer.end == "reset":
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        self._chunk(b"")

    def _wait(self) -> None:
        waiting = self.server.waiting  # type: ignore[attr-defined]  # the server is ours
        waiting.add(self.connection)
        try:
            self.connection.settimeout(PATIENCE_S)
            self.connection.recv(1)  # until its client leaves, or we do
        finally:
            waiting.discard(self.connection)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"connection": "close", "transfer-encoding": "chunked", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _chunk(self, piece: bytes) -> None:
        self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def log_message(self, *args: object) -> None:
        """Log nothing."""
