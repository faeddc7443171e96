"""A server is stopped: active runs have their time, and those that don't end continue in the next one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.processes import Home, Server, at_home, until, upstream_environment
from tests.patience import PATIENCE_S
from tests.protocols.following import Seen, all_events, text_of
from tests.replies import Reply
from tests.upstream import Upstream

HALF, WHOLE = "one two ", "one two three"
RETRY = b"retry: 1000\n"
DRAINING = b'event: draining\ndata: {"retry_after_ms":1000}\n\n'


@pytest.fixture
def home(tmp_path: Path, upstream: Upstream) -> Iterator[Home]:
    """A home of the shipped graphs; the model writes two words of three, and the last one upon resume()."""
    upstream.script(lambda _body: Reply(text=["one ", "two ", "three"], breaks="silence", after=2))
    with at_home(ROOT / "langgraph.json", tmp_path, **upstream_environment(upstream)) as made:
        yield made


@pytest.fixture
def client(home: Home) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=home.url, timeout=PATIENCE_S) as client:
        yield client


class Open:
    """A run's answer that is being read, in whichever protocol: its body so far, and the rest."""

    def __init__(
        self, closing: ExitStack, client: httpx.Client, method: str, path: str, **request: Any
    ) -> None:
        self.response = closing.enter_context(client.stream(method, path, **request))
        assert self.response.is_success, self.response.read()
        self._pieces = self.response.iter_raw()
        self.body = b""

    def read_up_to(self, part: bytes) -> None:
        until(lambda: part in self.body or self._read_piece())

    def _read_piece(self) -> bool:
        self.body += next(self._pieces)
        return False

    def read_all(self) -> bytes:
        """Read to a clean end; raises RemoteProtocolError at another."""
        for piece in self._pieces:
            self.body += piece
        return self.body


@pytest.fixture
def opening(client: httpx.Client) -> Iterator[Any]:
    """Return a function that opens an answer and reads it, up to the model's second word."""
    with ExitStack() as closing:

        def open_answer(method: str, path: str, upto: bytes = b"two ", **request: Any) -> Open:
            opened = Open(closing, client, method, path, **request)
            opened.read_up_to(upto)
            return opened

        yield open_answer


def start(client: httpx.Client, **body: Any) -> str:
    response = client.post("/agent/runs", json={"input": "count", **body})
    assert response.status_code == 201, response.text
    return f"/agent/runs/{response.json()['run_id']}"


def stop(server: Server, client: httpx.Client) -> None:
    """Tell the server to stop, and wait until it reports that it does."""
    server.signal(signal.SIGTERM)
    until(lambda: client.get("/ready").status_code == 503)


def test_while_it_drains_it_answers_but_begins_nothing(
    home: Home, client: httpx.Client, opening: Any, upstream: Upstream
) -> None:
    server = home.start()
    assert client.get("/ready").status_code == 200
    run = start(client)
    opening("GET", f"{run}/events")

    stop(server, client)
    health = client.get("/health")
    late = client.get(f"{run}/events")
    refused = [
        client.post("/agent/runs", json={"input": "count"}),
        client.post("/chat", json={"text": "count"}),
        client.post("/agent/stream", json={"input": "count"}),
        client.post("/agent/invoke", json={"input": "count"}),
    ]
    upstream.resume()

    assert health.status_code == 200
    assert late.content.endswith(b"\n\n" + DRAINING)
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (503, "server_draining")
        assert answer.headers["retry-after"] == "1"
    assert server.wait() == 0


def test_what_ends_within_the_drain_ends_as_ever(
    home: Home, client: httpx.Client, opening: Any, upstream: Upstream
) -> None:
    server = home.start()
    run = start(client, thread_id="count")
    waiting = start(client, thread_id="count", on_busy="enqueue")
    reader = opening("GET", f"{run}/events")
    queued = opening("GET", f"{waiting}/events", upto=RETRY)
    chat = opening("POST", "/chat", json={"text": "count"})
    stream = opening("POST", "/agent/stream", json={"input": "count"})
    attached = opening("GET", f"/agent/runs/{stream.response.headers['x-run-id']}/events")

    stop(server, client)
    left = reader.read_all()
    assert queued.read_all() == RETRY + DRAINING
    upstream.resume()

    assert left.endswith(b"\n\n" + DRAINING)  # without an id, and then a clean end
    assert chat.read_all() == WHOLE.encode()
    assert b'data: "three"' in stream.read_all()
    assert b"event: end" in stream.body
    assert b"event: finished" in attached.read_all()  # an attached run's readers are let be
    assert server.wait() == 0

    home.start()
    rest = all_events(client, f"{run}/events", last_id(left))
    assert [event.data["text"] for event in rest if event.kind == "token"] == ["three"]
    assert rest[-1].kind == "finished"
    assert attempts(rest) == {1}
    later = all_events(client, f"{waiting}/events")
    assert (text_of(later), attempts(later)) == (WHOLE, {1})


def test_what_is_active_at_the_drains_end_is_handed_back_or_reported(
    home: Home, client: httpx.Client, opening: Any, upstream: Upstream
) -> None:
    server = home.start(SELTZER_DRAIN_S="0.5")
    run = start(client, thread_id="count")
    waiting = start(client, thread_id="count", on_busy="enqueue")
    reader = opening("GET", f"{run}/events")
    chat = opening("POST", "/chat", json={"text": "count", "thread_id": "chat"})
    stream = opening("POST", "/agent/stream", json={"input": "count"})
    attached = stream.response.headers["x-run-id"]

    server.signal(signal.SIGTERM)

    assert reader.read_all().endswith(b"\n\n" + DRAINING)
    assert b'"code":"server_draining"' in stream.read_all()
    with pytest.raises(httpx.RemoteProtocolError):  # text has no other way to show that it isn't complete
        chat.read_all()
    assert server.wait() == 0

    upstream.resume()
    home.start()
    events = all_events(client, f"{run}/events", last_id(reader.body))
    assert [event.kind for event in events[:2]] == ["started", "state"]
    assert text_of(events) == WHOLE
    assert attempts(events) == {2}
    later = all_events(client, f"{waiting}/events")
    assert (text_of(later), attempts(later)) == (WHOLE, {1})
    failed = client.get(f"/agent/runs/{attached}").json()
    assert (failed["status"], failed["error"]["code"]) == ("error", "server_draining")
    assert [each["content"] for each in messages(client, "chat")] == ["count", HALF]
    assert client.post("/chat", json={"text": "count", "thread_id": "chat"}).text == WHOLE


def test_a_second_stop_ends_it_at_once_and_the_run_continues_in_the_next_server(
    home: Home, client: httpx.Client, opening: Any, upstream: Upstream
) -> None:
    server = home.start(SELTZER_DRAIN_S=str(100 * PATIENCE_S))
    run = start(client)
    reader = opening("GET", f"{run}/events")
    stop(server, client)

    server.signal(signal.SIGTERM)

    assert server.wait() == 0
    upstream.resume()
    home.start()
    events = all_events(client, f"{run}/events", last_id(reader.body))
    assert text_of(events) == WHOLE
    assert attempts(events) == {2}


def attempts(events: list[Seen]) -> set[int]:
    return {int(event.id.partition("-")[0]) for event in events}


def last_id(body: bytes) -> str:
    return [line for line in body.decode().splitlines() if line.startswith("id: ")][-1].removeprefix("id: ")


def messages(client: httpx.Client, thread_id: str) -> list[Any]:
    found: list[Any] = client.get(f"/agent/threads/{thread_id}").json()["values"]["messages"]
    return found
