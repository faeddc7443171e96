"""Exact resume: wherever the connection is cut, what its pieces add up to is the uncut run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seltzer.client.streams.sse import Decoder
from tests.patience import PATIENCE_S
from tests.protocols.following import Seen, all_events, events_in, following, seen, text_of
from tests.replies import Reply, ToolCall
from tests.serving import Served
from tests.upstream import Upstream

TERMINAL_KINDS = {"finished", "failed", "cancelled", "interrupted"}
WORDS = ["one ", "two\n\n", "data: three ", "\u2028\x85", "漢字 ", "👩‍👩‍👧", "\r\n", "id: 1-1\n", "end"]

pieces = st.lists(st.sampled_from(WORDS) | st.text("ab\n ", min_size=1, max_size=4), min_size=1, max_size=12)


@pytest.fixture
def client(upstream_env: Upstream, server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=server.url, timeout=PATIENCE_S, limits=httpx.Limits(max_connections=200)
    ) as client:
        yield client


def start(client: httpx.Client) -> str:
    """Start a run and return its events' path."""
    response = client.post("/agent/runs", json={"input": "go"})
    assert response.status_code == 201, response.text
    return f"{response.headers['location']}/events"


def test_after_every_event_replay_and_live_join_without_a_seam(
    upstream_env: Upstream, client: httpx.Client
) -> None:
    """One reader after each event of an active run, by header and by query, all of them at once."""
    upstream_env.script(
        [
            Reply(text="let me see", tool_calls=[ToolCall("calculator", {"expression": "6*7"})]),
            Reply(text=WORDS, breaks="silence", after=5),
        ]
    )
    path = start(client)
    with following(client, path) as read:
        events = list(_up_to_token(8, read))

    with ExitStack() as stack, ThreadPoolExecutor(2 * len(events)) as threads:
        readers = [
            (index, stack.enter_context(following(client, path, each.id, by=by)))
            for by in ("header", "query")
            for index, each in enumerate(events)
        ]
        waiting = [(index, threads.submit(list, read)) for index, read in readers]
        upstream_env.resume()
        rests = [(index, future.result(20)) for index, future in waiting]
    uncut = all_events(client, path)

    assert uncut[: len(events)] == events
    assert text_of(uncut).endswith("".join(WORDS))
    assert [each.id for each in uncut] == [f"1-{seq}" for seq in range(1, len(uncut) + 1)]
    assert [each.kind in TERMINAL_KINDS for each in uncut] == [False] * (len(uncut) - 1) + [True]
    for index, rest in rests:
        assert events[: index + 1] + rest == uncut
    for index in range(len(uncut) - 1):
        assert all_events(client, path, uncut[index].id) == uncut[index + 1 :]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    words=pieces,
    pause=st.integers(0, 12),
    cuts=st.lists(st.integers(1, 900), max_size=12),
)
def test_cut_at_any_byte_a_reconnecting_reader_reads_what_an_uncut_one_reads(
    upstream_env: Upstream, client: httpx.Client, words: list[str], pause: int, cuts: list[int]
) -> None:
    """The model pauses once, and continues when the reader has all events so far; the cuts are anywhere."""
    upstream_env.reset()
    upstream_env.script([Reply(text=words, breaks="silence", after=pause % len(words))])
    path = start(client)
    upstream_env.next_request()

    with ThreadPoolExecutor(1) as threads:
        uncut = threads.submit(all_events, client, path)
        pieced = _pieced(upstream_env, client, path, pause % len(words), cuts)
        expected = uncut.result(20)

    assert pieced == expected
    assert text_of(pieced) == "".join(words)


def _pieced(upstream: Upstream, client: httpx.Client, path: str, pause: int, cuts: list[int]) -> list[Seen]:
    """Read the run, cutting the n-th connection after cuts[n] bytes; the last one is read to its end."""
    events: list[Seen] = []
    for limit_bytes in [*cuts, None]:
        headers = {"last-event-id": events[-1].id} if events else {}
        with client.stream("GET", path, headers=headers) as response:
            if response.status_code == 204:
                break
            decoder, left = Decoder(), limit_bytes
            for piece in itertools.chain([b""], response.iter_raw()):
                events += seen(decoder.feed(piece if left is None else piece[:left]))
                if sum(each.kind == "token" for each in events) == pause:
                    upstream.resume()
                if left is not None and (left := left - len(piece)) <= 0:
                    break
    return events


def test_readers_of_one_run_see_equal_streams(upstream_env: Upstream, client: httpx.Client) -> None:
    upstream_env.script([Reply(text=WORDS, breaks="silence", after=0)])
    path = start(client)

    with ExitStack() as stack, ThreadPoolExecutor(20) as threads:
        readers = [stack.enter_context(following(client, path)) for _ in range(20)]
        waiting = [threads.submit(list, read) for read in readers]
        upstream_env.resume()
        streams = [future.result(20) for future in waiting]

    assert text_of(streams[0]) == "".join(WORDS)
    assert all(stream == streams[0] for stream in streams)


def test_a_replay_has_the_bytes_of_the_live_stream(upstream_env: Upstream, client: httpx.Client) -> None:
    upstream_env.script([Reply(text=WORDS)])
    headers = {"accept": "text/event-stream"}

    live = client.post("/agent/runs", json={"input": "go"}, headers=headers)
    replay = client.get(f"{live.headers['location']}/events")

    assert replay.content == live.content
    assert text_of(events_in(replay.content)) == "".join(WORDS)


def _up_to_token(count: int, read: Iterator[Seen]) -> Iterator[Seen]:
    """Yield what is read up to the count-th token."""
    while count:
        each = next(read)
        count -= each.kind == "token"
        yield each
