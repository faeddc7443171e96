"""A browser's own EventSource on the events of a run: it reconnects by itself, and stops at the end."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, get_args

import httpx
import pytest
from playwright.sync_api import Page

from seltzer.runs.event import Kind
from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.serving import Served

pytestmark = pytest.mark.browser

END: Final = b"\n\n"  # of an event
FOLLOW: Final = """
([url, kinds]) => new Promise((resolve) => {
  const seen = [], opened = [];
  const source = new EventSource(url);
  source.onopen = () => opened.push(seen.length);
  for (const kind of kinds)
    source.addEventListener(kind, (event) => {
      seen.push({id: event.lastEventId, kind, data: JSON.parse(event.data)});
      globalThis.saw?.();
    });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) resolve({seen, opened});
  };
})
"""


class _Cutting(socketserver.ThreadingTCPServer):
    """A relay that cuts each of the first connections to a run's events after so many of them.

    It cuts in the middle of the next one, and not before the browser reports that it saw those: what comes
    together with the cut, a browser may drop.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, to: tuple[str, int], cuts: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.to = to
        self.cuts = iter(cuts)
        self.seen = threading.Semaphore(0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Relay(socketserver.StreamRequestHandler):
    """One request, its connection closed after the answer."""

    server: _Cutting

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line if not line.lower().startswith(b"connection:") else b"connection: close\r\n"
        events = next(self.server.cuts, None) if b"/events " in head.partition(b"\r\n")[0] else None
        with socket.create_connection(self.server.to) as onward, suppress(ConnectionError):
            onward.sendall(head)
            if events is not None:
                self._cut(onward, events)
                return
            while piece := onward.recv(4096):
                self.wfile.write(piece)

    def _cut(self, onward: socket.socket, events: int) -> None:
        answer = b""
        while len(parts := answer.split(END)) < events + 2:  # one more than these, and its end
            piece = onward.recv(4096)
            assert piece, "the run has fewer events"
            answer += piece
        *whole, broken = parts[: events + 1]
        self.wfile.write(END.join([*whole, broken[: len(broken) // 2]]))
        for _ in range(events):
            self.server.seen.acquire(timeout=PATIENCE_S)


@contextmanager
def relaying(served: Served, cuts: list[int]) -> Iterator[_Cutting]:
    with _Cutting(served.address, cuts) as relay:
        thread = threading.Thread(target=relay.serve_forever, args=(0.05,), name="relay", daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()
            thread.join()


def started(served: Served) -> str:
    """Start a run and return its events' path."""
    response = httpx.post(
        f"{served.url}/agent/runs", json={"input": "what is the square root of 71?"}, timeout=PATIENCE_S
    )
    return f"{response.headers['location']}/events"


def follow(page: Page, url: str, path: str) -> Any:
    page.goto(f"{url}/health")
    return page.evaluate(FOLLOW, [path, list(get_args(Kind))])


def as_seen(served: Served, path: str) -> list[dict[str, Any]]:
    with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client:
        return [{"id": each.id, "kind": each.kind, "data": each.data} for each in all_events(client, path)]


def test_it_reads_a_run_to_its_end_and_does_not_reconnect(server: Served, page: Page) -> None:
    path = started(server)

    read = follow(page, server.url, path)

    assert read["seen"] == as_seen(server, path)
    assert read["opened"] == [0]  # after the end it was answered 204


def test_cut_off_it_reconnects_and_has_every_event_once(server: Served, page: Page) -> None:
    path = started(server)
    whole = as_seen(server, path)

    with relaying(server, cuts=[2, 3]) as relay:
        page.expose_function("saw", relay.seen.release)
        read = follow(page, relay.url, path)

    assert read["seen"] == whole
    assert read["opened"] == [0, 2, 5]
    assert len(whole) > 5
