"""Reading the native routes' events as a client does that counts on nothing but the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from seltzer.client.streams.sse import Decoder, Frame


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as a reader saw it."""

    id: str
    kind: str
    data: Any


def seen(frames: Iterator[Frame]) -> Iterator[Seen]:
    for frame in frames:
        yield Seen(frame.id, frame.event, json.loads(frame.data))


@contextmanager
def following(
    client: httpx.Client, path: str, after: str | None = None, *, by: str = "header"
) -> Iterator[Iterator[Seen]]:
    """Follow a run's events after the cursor, sent by header or query; leaving the block disconnects."""
    headers = {"last-event-id": after} if after and by == "header" else {}
    query = {"after": after} if after and by == "query" else {}
    with client.stream("GET", path, headers=headers, params=query) as response:
        assert response.status_code == 200, response.read()
        yield events(response)


def events(response: httpx.Response) -> Iterator[Seen]:
    """Yield the events of a response as they arrive."""
    decoder = Decoder()
    for piece in response.iter_raw():
        yield from seen(decoder.feed(piece))


def events_in(content: bytes) -> list[Seen]:
    """Return the events of a body that was read whole."""
    return list(seen(Decoder().feed(content)))


def all_events(
    client: httpx.Client, path: str, after: str | None = None, *, by: str = "header"
) -> list[Seen]:
    """Follow up to the end."""
    with following(client, path, after, by=by) as read:
        return list(read)


def text_of(seen_events: list[Seen]) -> str:
    """Return the answer's text in the events."""
    tokens = (each.data for each in seen_events if each.kind == "token")
    return "".join(data["text"] for data in tokens if data["channel"] == "answer")
