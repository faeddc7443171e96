"""SSE clients that people use, each cut off twice in the middle of a run's events."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import httpx
import pytest

from tests.interop.programs import node_events, package
from tests.interop.relay import relaying
from tests.patience import PATIENCE_S
from tests.serving import Served

QUESTION = "what is the square root of 71?"
LAST = {"finished", "failed", "cancelled", "interrupted"}
Event = dict[str, Any]
Read = Callable[[str], list[Event]]


def read_eventsource(url: str) -> list[Event]:
    return list(node_events("eventsource.mjs", url))


def read_fetch_event_source(url: str) -> list[Event]:
    return list(node_events("fetch-event-source.mjs", url))


def read_httpx_sse(url: str) -> list[Event]:
    """Read as its README shows: reconnecting is up to its user."""
    httpx_sse = package("httpx_sse", "httpx-sse")

    def read(headers: dict[str, str], events: list[Event]) -> None:
        with httpx_sse.connect_sse(client, "GET", url, headers=headers) as source:
            for each in source.iter_sse():
                events.append({"id": each.id, "kind": each.event, "data": each.json()})

    with httpx.Client(timeout=PATIENCE_S) as client:
        return _reconnecting(read)


def read_sseclient(url: str) -> list[Event]:
    """Read with sseclient-py, where reconnecting is up to its user too."""
    sseclient = package("sseclient", "sseclient-py")

    def read(headers: dict[str, str], events: list[Event]) -> None:
        with httpx.stream("GET", url, headers=headers, timeout=PATIENCE_S) as response:
            for each in sseclient.SSEClient(response.iter_bytes()).events():
                events.append({"id": each.id, "kind": each.event, "data": json.loads(each.data)})

    return _reconnecting(read)


def read_aiohttp_sse_client(url: str) -> list[Event]:
    """Read with aiohttp-sse-client, which reconnects after a clean end only."""
    module = package("aiohttp_sse_client.client", "aiohttp-sse-client")
    errors = package("aiohttp", "aiohttp").ClientError

    async def read() -> list[Event]:
        events: list[Event] = []
        with anyio.fail_after(60):
            while not _is_whole(events):
                headers = _resuming(events)
                try:
                    async with module.EventSource(url, headers=headers) as source:
                        async for each in source:
                            data = json.loads(each.data)
                            events.append({"id": each.last_event_id, "kind": each.type, "data": data})
                            if _is_whole(events):
                                break
                except errors:
                    continue
        return events

    return anyio.run(read)


def _reconnecting(read: Callable[[dict[str, str], list[Event]], None]) -> list[Event]:
    events: list[Event] = []
    while not _is_whole(events):
        try:
            read(_resuming(events), events)
        except httpx.TransportError:
            continue
    return events


def _resuming(events: Sequence[Event]) -> dict[str, str]:
    return {"last-event-id": events[-1]["id"]} if events else {}


def _is_whole(events: Sequence[Event]) -> bool:
    return bool(events) and events[-1]["kind"] in LAST


READERS: list[Read] = [
    read_eventsource,
    read_fetch_event_source,
    read_httpx_sse,
    read_sseclient,
    read_aiohttp_sse_client,
]
readers = pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__.removeprefix("read_"))


@readers
def test_a_client_cut_off_twice_while_a_run_writes_gets_each_token_once_and_in_order(
    paced_server: Served, read: Read
) -> None:
    run = httpx.post(f"{paced_server.url}/agent/runs", json={"input": QUESTION}, timeout=PATIENCE_S).json()
    path = f"/agent/runs/{run['run_id']}"

    with relaying(paced_server.address, cuts=(900, 1_100)) as relay:
        events = read(f"{relay.url}{path}/events")

    run = httpx.get(f"{paced_server.url}{path}", timeout=PATIENCE_S).json()
    assert len(relay.requests) >= 3
    _check_whole(events, run["output"])


@readers
@pytest.mark.parametrize("place", ["after its name", "amid its data", "after its data", "before its end"])
def test_a_client_cut_off_anywhere_in_a_frame_gets_each_token_once_and_in_order(
    server: Served, read: Read, place: str
) -> None:
    headers = {"accept": "text/event-stream"}
    started = httpx.post(
        f"{server.url}/agent/runs", json={"input": QUESTION}, headers=headers, timeout=PATIENCE_S
    )
    path = f"/agent/runs/{started.headers['x-run-id']}"
    whole = _raw(server.address, f"{path}/events")
    frame = whole.index(b"event: token")
    cut = {
        "after its name": whole.index(b"\n", frame) + 1,
        "amid its data": whole.index(b"data: ", frame) + 20,
        "after its data": whole.index(b"\n", whole.index(b"data: ", frame)) + 1,
        "before its end": whole.index(b"\n\n", frame),
    }[place]

    with relaying(server.address, cuts=(cut,)) as relay:
        events = read(f"{relay.url}{path}/events")

    assert len(relay.requests) >= 2
    _check_whole(events, httpx.get(f"{server.url}{path}", timeout=PATIENCE_S).json()["output"])


def test_fetch_event_source_starts_a_run_once_and_continues_it_after_a_cut(paced_server: Served) -> None:
    key = uuid.uuid4().hex
    headers = {"content-type": "application/json", "idempotency-key": key}
    init = {"method": "POST", "headers": headers, "body": json.dumps({"input": QUESTION})}

    with relaying(paced_server.address, cuts=(1_000, 1_000)) as relay:
        events = list(node_events("fetch-event-source.mjs", f"{relay.url}/agent/runs", json.dumps(init)))

    run_id = events[0]["data"]["run_id"]
    run = httpx.get(f"{paced_server.url}/agent/runs/{run_id}", timeout=PATIENCE_S).json()
    assert len(relay.requests) >= 3
    _check_whole(events, run["output"])


def _check_whole(events: Sequence[Event], output: str) -> None:
    assert [each["id"] for each in events] == [f"1-{n}" for n in range(1, len(events) + 1)]
    tokens = [each["data"] for each in events if each["kind"] == "token"]
    assert "".join(each["text"] for each in tokens if each["channel"] == "answer") == output
    assert events[-1]["kind"] == "finished"


def _raw(address: tuple[str, int], path: str) -> bytes:
    """Return an answer as it is on the wire."""
    with socket.create_connection(address, timeout=10) as connection:
        request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        connection.sendall(request.encode())
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    return received
