"""An OpenAI-compatible upstream over loopback, scripted a test at a time, with faults on demand.

It runs in a thread with its own event loop, so it serves sync and async tests alike and no server under test
can starve it. By hand: python -m tests.upstream --port 9000
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.patience import PATIENCE_S
from tests.replies import (
    DONE,
    MALFORMED,
    Json,
    Refusal,
    Reply,
    answer_by_habit,
    carries_content,
    chat_answer,
    chat_frames,
    completion_answer,
    completion_frames,
    sse,
)

Answer = Reply | Refusal
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(slots=True)
class Request:
    """A request the upstream got. headers have lower-case names; left: its client disconnected too soon."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json
    left: threading.Event = field(default_factory=threading.Event)


class Upstream:
    """The upstream, started by `with`. Its address, with /v1, is `url`.

    closed_early is set once any client disconnects before its answer's end.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.closed_early = threading.Event()
        self._arrived: queue.Queue[Request] = queue.Queue()
        self._answers: Callable[[Json], Answer] = answer_by_habit
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.run, name="upstream", daemon=True)
        self._listener = socket.create_server(("127.0.0.1", port))
        self._resumed = asyncio.Event()
        self._stop = asyncio.Event()

    @property
    def url(self) -> str:
        """What to give as OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def script(self, answers: Iterable[Answer] | Callable[[Json], Answer]) -> None:
        """Answer the next requests with these, in order, or with what the function makes of each body.

        Past the end of the list every request is refused with code script_exhausted.
        """
        if callable(answers):
            self._answers = answers
            return
        exhausted = Refusal(status=400, code="script_exhausted", message="The script has no more answers.")
        left = iter(tuple(answers))
        self._answers = lambda _body: next(left, exhausted)

    def reset(self) -> None:
        """Forget what was asked and scripted, and answer by habit again."""
        self.requests.clear()
        self.closed_early = threading.Event()  # an earlier client that disconnects only now sets the old one
        self._arrived = queue.Queue()
        self._answers = answer_by_habit
        # Another event: an earlier test's resume() may still be on its way, and its silent answers end.
        before, self._resumed = self._resumed, asyncio.Event()
        self._loop.call_soon_threadsafe(before.set)

    def next_request(self, timeout_s: float = PATIENCE_S) -> Request:
        """Wait for a request to arrive and return it, each one once. Raises queue.Empty after timeout_s."""
        return self._arrived.get(timeout=timeout_s)

    def resume(self) -> None:
        """Let silent answers continue to their end, from now on."""
        self._loop.call_soon_threadsafe(self._resumed.set)

    def resume_once(self) -> None:
        """Let the answers that are silent now continue to their end; later ones are silent again."""

        def resume() -> None:
            before, self._resumed = self._resumed, asyncio.Event()
            before.set()

        self._loop.call_soon_threadsafe(resume)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)
        if self._thread.is_alive():
            raise TimeoutError("the upstream's thread didn't end")

    def run(self) -> None:
        """Serve in this thread until stopped."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(self._converse(reader, writer))
            connections[task] = writer
            task.add_done_callback(connections.pop)

        server = await asyncio.start_server(connected, sock=self._listener)
        await self._stop.wait()
        server.close()
        for writer in connections.values():
            writer.transport.abort()
        await asyncio.gather(*connections)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request. A connection is never used twice, so its end always means one thing."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._take(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, closed_early = await _read_request(reader), self.closed_early
        self.requests.append(request)
        self._arrived.put(request)
        answering = asyncio.create_task(self._answer(request, writer))
        leaving = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done() or isinstance(answering.exception(), ConnectionError):  # amid a write
                request.left.set()
                closed_early.set()
        finally:
            for task in (answering, leaving):
                task.cancel()
            results = await asyncio.gather(answering, leaving, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        route = (request.method, request.path.partition("?")[0])
        if route == ("GET", "/v1/models"):
            models = [{"id": "test-model", "object": "model", "created": 1700000000, "owned_by": "tests"}]
            return await _send(writer, 200, {"object": "list", "data": models})
        if route not in (("POST", "/v1/chat/completions"), ("POST", "/v1/completions")):
            return await _send(writer, 404, Refusal(status=404, code="unknown_url").body)
        answer = self._answers(request.body)
        if isinstance(answer, Refusal):
            after = {} if answer.retry_after_s is None else {"retry-after": str(answer.retry_after_s)}
            return await _send(writer, answer.status, answer.body, after)
        chat = request.path.startswith("/v1/chat")
        if request.body.get("stream"):
            frames = chat_frames if chat else completion_frames
            return await self._stream(writer, answer, list(frames(answer, request.body)))
        render = chat_answer if chat else completion_answer
        return await self._whole(writer, answer, render(answer, request.body))

    async def _whole(self, writer: asyncio.StreamWriter, reply: Reply, body: Json) -> None:
        """Answer without streaming; it breaks before the first byte, or with a body that isn't JSON."""
        if reply.breaks == "reset":
            _reset(writer)
        elif reply.breaks == "malformed":
            await _send(writer, 200, b'{"choices": [')
        else:
            if reply.breaks == "silence":
                await self._resumed.wait()
            await _send(writer, 200, body)

    async def _stream(self, writer: asyncio.StreamWriter, reply: Reply, frames: list[Json]) -> None:
        if reply.breaks == "silence" and reply.after == 0:
            await self._resumed.wait()
        writer.write(_head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"}))
        sent = 0
        for frame in frames:
            if reply.breaks and sent == reply.after:
                if reply.breaks == "reset":
                    return _reset(writer)
                if reply.breaks == "silence":
                    await self._resumed.wait()
                else:
                    break
            if reply.gap_s:
                await asyncio.sleep(reply.gap_s)
            sent += carries_content(frame)
            await _send_chunk(writer, sse(frame))
        if reply.breaks == "malformed":
            await _send_chunk(writer, MALFORMED)
        elif reply.ending:
            await _send_chunk(writer, DONE)
        return await _send_chunk(writer, b"")


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, json.loads(raw) if raw else {})


def _head(status: int, headers: dict[str, str]) -> bytes:
    fields = headers | {"connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\n{lines}\r\n".encode("latin-1")


async def _send(
    writer: asyncio.StreamWriter, status: int, body: Json | bytes, extra: dict[str, str] | None = None
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    fields = {"content-type": "application/json", "content-length": str(len(raw))} | (extra or {})
    writer.write(_head(status, fields) + raw)
    await writer.drain()


async def _send_chunk(writer: asyncio.StreamWriter, raw: bytes) -> None:
    writer.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST: a socket that lingers for no time is torn down, not closed."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def main() -> None:
    """Serve by hand, answering by habit, until Ctrl-C."""
    parser = argparse.ArgumentParser(description="An OpenAI-compatible upstream that answers by habit.")
    parser.add_argument("--port", type=int, default=9000)
    port = parser.parse_args().port
    print(f"OPENAI_BASE_URL=http://127.0.0.1:{port}/v1")
    with contextlib.suppress(KeyboardInterrupt):
        Upstream(port).run()


if __name__ == "__main__":
    main()
