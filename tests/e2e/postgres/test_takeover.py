"""A process dies, stalls or drains, and another one carries its runs on."""

from __future__ import annotations

import signal
import uuid
from itertools import groupby

import httpx
import pytest

from tests.e2e.postgres.conftest import Three
from tests.e2e.postgres.test_watch import path_of, start, up_to_second_word
from tests.protocols.following import Seen, all_events, following, text_of
from tests.replies import Reply

WHOLE = "one two three"


def by_attempt(read: list[Seen]) -> dict[str, list[Seen]]:
    return {
        attempt: list(events) for attempt, events in groupby(read, key=lambda each: each.id.partition("-")[0])
    }


def test_a_killed_processs_run_is_carried_on_by_another_and_its_readers_see_it(three: Three) -> None:
    thread_id = uuid.uuid4().hex
    path = path_of(start(three.a, thread_id=thread_id))
    before = up_to_second_word(three.b, path)

    three.homes[0].kill()
    three.upstream.resume()

    after = all_events(three.b, f"{path}/events", before[-1].id)
    assert [(each.id, each.kind) for each in after[:2]] == [("2-1", "started"), ("2-2", "state")]
    assert (text_of(after), after[-1].kind) == (WHOLE, "finished")
    assert all_events(three.c, f"{path}/events")[-len(after) :] == after


def test_an_attached_run_whose_process_was_killed_fails_elsewhere(three: Three) -> None:
    thread_id = uuid.uuid4().hex
    with three.a.stream("POST", "/chat", json={"text": "count", "thread_id": thread_id}) as answer:
        run = f"/agent/runs/{answer.headers['x-run-id']}"
        up_to_second_word(three.b, run)
        three.homes[0].kill()
        with pytest.raises(httpx.TransportError):
            answer.read()

    read = all_events(three.b, f"{run}/events")

    assert (read[-1].kind, read[-1].data["code"]) == ("failed", "client_gone")
    assert start(three.c, thread_id=thread_id)["attempt"] == 1  # the thread is free


def test_a_process_that_was_stopped_for_longer_than_its_leases_last_shows_nothing_of_its_own(
    three: Three,
) -> None:
    """What its model writes meanwhile waits in its socket: it reads all of it when it is woken."""
    replies = iter([Reply(text=["one ", "two ", *["late "] * 60], breaks="silence", after=2)])
    three.upstream.script(lambda _body: next(replies, Reply(text="new answer")))
    thread_id = uuid.uuid4().hex
    path = path_of(start(three.a, thread_id=thread_id))
    up_to_second_word(three.b, path)
    stopped = three.homes[0].up()
    with following(three.a, f"{path}/events") as events:
        seen_on_a = [next(events), next(events)]

        stopped.signal(signal.SIGSTOP)
        three.upstream.resume()
        elsewhere = all_events(three.b, f"{path}/events")  # the lease runs out, and another claims it
        stopped.signal(signal.SIGCONT)

        seen_on_a += events

    replay = all_events(three.a, f"{path}/events")
    assert (elsewhere[-1].kind, elsewhere[-1].id.partition("-")[0]) == ("finished", "2")
    assert seen_on_a == replay == elsewhere == all_events(three.c, f"{path}/events")
    assert text_of(by_attempt(replay)["1"]) == "one two "
    assert text_of(by_attempt(replay)["2"]) == "new answer"
    messages = three.a.get(f"/agent/threads/{thread_id}").json()["values"]["messages"]
    assert [each["content"] for each in messages] == ["count", "new answer"]


def test_a_drain_hands_the_runs_to_the_others_and_its_readers_continue_there(three: Three) -> None:
    path = path_of(start(three.a))
    server = three.homes[0].up()
    with three.a.stream("GET", f"{path}/events") as left:
        pieces = left.iter_raw()
        body = next(pieces)
        server.signal(signal.SIGTERM)
        body += b"".join(pieces)
    before = up_to_second_word(three.b, path)

    assert body.endswith(b'event: draining\ndata: {"retry_after_ms":1000}\n\n')
    with following(three.b, f"{path}/events", before[-1].id) as events:
        assert next(events).kind == "started"
    three.upstream.resume()
    after = all_events(three.c, f"{path}/events", before[-1].id)
    assert (text_of(after), after[-1].kind) == (WHOLE, "finished")
    assert three.b.get(path).json()["attempt"] == 2
    assert server.wait() == 0
