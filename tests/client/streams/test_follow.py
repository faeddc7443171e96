"""A run read over connections that break: what is asked next, how long is waited, how it ends."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seltzer.client import (
    AnswerCutOff,
    Done,
    Interrupt,
    Interrupted,
    Part,
    ServerError,
    ServerUnreachable,
    Token,
)
from seltzer.client.http import requests
from seltzer.client.http.requests import Request
from seltzer.client.streams.follow import RunFollower
from tests.client.tape import (
    CRASHED,
    CRASHED_PARTS,
    DRAINING,
    FINISHED,
    PING,
    RETRY,
    WHOLE,
    WHOLE_PARTS,
    Emission,
    after_cursor,
    body,
    tape,
    token,
)

HEAD = {"x-run-id": "r1", "x-thread-id": "t1"}
BROKEN = httpx.ReadError("broken")
FIRST = requests.start("agent", "q", {}, streams=True)


def following(first: Request | None = FIRST, **options: Any) -> RunFollower:
    given: dict[str, Any] = {"patience_s": 60, "chance": lambda: 0}
    return RunFollower("http://here", "agent", first, **given | options)


def read(reader: RunFollower, stream: bytes, cuts: Sequence[int] = ()) -> list[Part]:
    """Read a stream in pieces."""
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    return [part for piece in pieces for part in reader.receive(piece)]


def play(
    reader: RunFollower, emissions: Sequence[Emission], cuts: Sequence[int], pieces: Sequence[int] = ()
) -> list[Part]:
    """Read a run whose connections break after so many bytes each, the last one not."""
    parts: list[Part] = []
    for cut in [*cuts, None]:
        request = reader.next_request()
        parts += reader.receive_head(200, HEAD)
        parts += read(
            reader, body(after_cursor(emissions, request.headers.get("last-event-id", "")))[:cut], pieces
        )
        if reader.is_over:
            break
        reader.receive_error(BROKEN)
        reader.pause_s(0)
    return parts


BYTES = st.lists(st.integers(0, len(body(CRASHED))), max_size=8)


@given(BYTES, BYTES)
def test_wherever_the_connection_is_cut_the_parts_are_those_of_the_uncut_stream(
    cuts: list[int], pieces: list[int]
) -> None:
    assert play(following(), WHOLE, cuts, pieces) == WHOLE_PARTS
    assert play(following(), CRASHED, cuts, pieces) == CRASHED_PARTS


def test_every_byte_is_a_place_to_be_cut_at() -> None:
    for cut in range(len(body(WHOLE)) + 1):
        assert play(following(), WHOLE, [cut, cut, 0]) == WHOLE_PARTS, cut


def test_it_continues_after_the_last_complete_event() -> None:
    reader = following()
    assert reader.next_request() is FIRST
    list(reader.receive_head(201, HEAD))

    read(reader, body(WHOLE[:3]) + WHOLE[3].frame[:-1])

    assert reader.next_request() == requests.events("agent", "r1", "1-3")


def test_a_run_without_any_event_read_is_read_from_its_start() -> None:
    reader = following()
    list(reader.receive_head(201, HEAD))

    assert reader.next_request() == requests.events("agent", "r1", "")


def test_a_start_without_a_response_is_sent_again_with_its_key() -> None:
    reader = following()
    reader.receive_error(ServerUnreachable("http://here", "broken", may_have_arrived=True))
    assert reader.pause_s(0) == 0.1

    assert reader.next_request() is FIRST
    assert (
        FIRST.headers["idempotency-key"]
        != requests.start("agent", "q", {}, streams=True).headers["idempotency-key"]
    )


def test_a_start_that_wasnt_sent_is_not_retried() -> None:
    with pytest.raises(ServerUnreachable):
        following().receive_error(ServerUnreachable("http://here", "refused"))


def test_a_server_that_is_down_is_retried_once_it_may_have_the_run() -> None:
    reader = following()
    reader.receive_error(ServerUnreachable("http://here", "broken", may_have_arrived=True))
    reader.pause_s(0)

    reader.receive_error(ServerUnreachable("http://here", "refused"))

    assert reader.pause_s(1) == 0.2
    with pytest.raises(ServerUnreachable, match="refused"):
        reader.pause_s(60)


def begun(**options: Any) -> RunFollower:
    """Return one that has read the first tokens."""
    reader = following(**options)
    list(reader.receive_head(201, HEAD))
    read(reader, body(WHOLE[:4]))
    return reader


def test_patience_ends_in_an_answer_cut_off_that_can_be_followed_later() -> None:
    reader = begun(patience_s=5)
    reader.receive_error(BROKEN)
    reader.pause_s(0)

    with pytest.raises(AnswerCutOff, match="broken") as caught:
        reader.pause_s(5)

    assert (caught.value.text, caught.value.run_id, caught.value.cursor) == ("Let me see", "r1", "1-4")


@pytest.mark.parametrize(
    ("sent", "is_progress"),
    [
        pytest.param(WHOLE[4].frame, True, id="an event"),
        pytest.param(PING, True, id="a ping"),
        pytest.param(RETRY, False, id="a retry time"),
        pytest.param(DRAINING, False, id="a farewell"),
        pytest.param(WHOLE[3].frame, False, id="an event that was read before"),
    ],
)
def test_patience_is_reset_by_progress(sent: bytes, is_progress: bool) -> None:
    reader = begun(patience_s=5)
    reader.receive_error(BROKEN)
    reader.pause_s(0)

    reader.next_request()
    list(reader.receive_head(200, {}))
    read(reader, sent)

    reader.receive_error(BROKEN)
    if is_progress:
        assert reader.pause_s(5) > 0
    else:
        with pytest.raises(AnswerCutOff):
            reader.pause_s(5)


def test_the_loss_is_reported_once_until_the_connection_is_restored() -> None:
    reasons: list[str] = []
    reader = begun(on_lost=reasons.append)
    for _ in range(3):
        reader.receive_error(BROKEN)
        reader.pause_s(0)
    assert reasons == ["broken"]

    list(reader.receive_head(200, {}))
    read(reader, WHOLE[4].frame)
    reader.receive_error(BROKEN)
    reader.pause_s(0)

    assert reasons == ["broken", "broken"]


def test_the_streams_own_retry_time_applies_from_the_second_retry_on() -> None:
    reader = begun()

    reader.receive_error(BROKEN)
    assert reader.pause_s(0) == 0.1
    reader.receive_error(ServerUnreachable("http://here", "refused"))
    assert reader.pause_s(0) == 1.0


def test_a_draining_server_is_retried_after_the_time_it_sends() -> None:
    reader = begun()
    read(reader, DRAINING)
    assert reader.is_done_reading

    assert reader.pause_s(0) == 1.0
    assert reader.next_request() == requests.events("agent", "r1", "1-4")


@pytest.mark.parametrize("data", [b"[]", b"{", b"{}"])
def test_a_farewell_without_a_time_is_one_too(data: bytes) -> None:
    reader = begun()
    read(reader, b"event: draining\ndata: " + data + b"\n\n")

    assert reader.is_done_reading
    assert reader.pause_s(0) == 0.1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_refusal_that_passes_is_waited_out(status: int) -> None:
    reader = begun()

    reader.receive_error(ServerError("busy", status, "wait", retry_after_s=7.0))

    assert reader.pause_s(0) == 7.0


def refuse(reader: RunFollower, status: int, code: str = "code") -> None:
    reader.receive_error(ServerError(code, status, "no"))


@pytest.mark.parametrize("status", [401, 404, 409, 422, 429, 500, 503])
def test_a_first_refusal_is_final(status: int) -> None:
    with pytest.raises(ServerError) as caught:
        refuse(following(), status)

    assert caught.value.status == status


@pytest.mark.parametrize(
    ("status", "reason"), [(410, "no longer has the next"), (404, "no longer has the run")]
)
def test_a_run_that_is_lost_on_the_server_cuts_the_answer_off(status: int, reason: str) -> None:
    with pytest.raises(AnswerCutOff, match=reason) as caught:
        refuse(begun(), status)

    assert caught.value.text == "Let me see"


def test_a_gap_is_an_error_for_the_first_reader_too() -> None:
    with pytest.raises(AnswerCutOff, match="no longer has the next"):
        refuse(following(None, run_id="r1", after="1-1"), 410)


def test_another_refusal_in_the_middle_is_an_error() -> None:
    with pytest.raises(ServerError):
        refuse(begun(), 401)


def test_a_start_that_was_lost_and_then_refused_is_refused() -> None:
    reader = following()
    reader.receive_error(ServerUnreachable("http://here", "broken", may_have_arrived=True))

    with pytest.raises(ServerError):
        refuse(reader, 404, "unknown_graph")


def test_an_answer_that_names_no_run_isnt_seltzers() -> None:
    with pytest.raises(ServerUnreachable, match="isn't Seltzer"):
        list(following().receive_head(200, {}))


GARBAGE = [
    pytest.param(b"data: {}\n\n", id="no cursor"),
    pytest.param(b"id: 1\ndata: {}\n\n", id="no cursor of ours"),
    pytest.param(b"id: 1-5\nevent: token\ndata: {\n\n", id="not JSON"),
    pytest.param(b"id: 1-5\nevent: token\ndata: {}\n\n", id="an event without what it needs"),
    pytest.param(b"id: 1-5\nevent: tool_call\ndata: 7\n\n", id="an event of another type"),
]


@pytest.mark.parametrize("sent", GARBAGE)
def test_what_cant_be_read_cuts_the_answer_off(sent: bytes) -> None:
    reader = begun()
    reader.next_request()

    with pytest.raises(AnswerCutOff, match="can't be read"):
        read(reader, sent)


def test_a_failed_run_is_no_lost_connection() -> None:
    reader = begun()
    failed = Emission(WHOLE[4].cursor, "failed", {"code": "graph_error", "message": "no"})

    with pytest.raises(ServerError) as caught:
        read(reader, failed.frame)

    assert reader.is_over
    with pytest.raises(ServerError, match="no"):
        reader.receive_error(caught.value)


def run_json(status: str, **more: Any) -> bytes:
    base = {"run_id": "r1", "thread_id": "t1", "graph": "agent", "status": status, "attempt": 1}
    rest: dict[str, Any] = {
        "created_at": "2026-01-01T00:00:00+00:00",
        "output": None,
        "error": None,
        "interrupts": [],
    }
    return json.dumps({**base, **rest, **more}).encode()


def look(content: bytes) -> list[Part]:
    """Follow a run after its end: 204, and then the run itself."""
    reader = following(None, run_id="r1", after="1-9")
    assert reader.next_request() == requests.events("agent", "r1", "1-9")
    assert list(reader.receive_head(204, {})) == []
    assert reader.pause_s(0) == 0
    assert reader.next_request() == requests.run("agent", "r1")
    parts = [*reader.receive_head(200, {}), *read(reader, content, [10]), *reader.receive_end()]
    assert reader.is_over
    return parts


def test_after_a_runs_end_its_status_is_requested() -> None:
    assert look(run_json("success", output="42")) == [Done("r1", "t1")]


def test_after_an_interrupt_the_question_is_read_from_the_run() -> None:
    asked = [{"id": "i", "value": "really?"}]

    assert look(run_json("interrupted", interrupts=asked)) == [
        Interrupted("r1", "t1", (Interrupt("i", "really?"),))
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (
            run_json(
                "error",
                error={"code": "graph_error", "message": "no", "retryable": False, "retry_after_s": None},
            ),
            "graph_error",
        ),
        (run_json("cancelled"), "run_cancelled"),
    ],
)
def test_after_a_failure_the_error_is_raised_again(content: bytes, code: str) -> None:
    with pytest.raises(ServerError) as caught:
        look(content)

    assert caught.value.code == code


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"<html>"])
def test_a_run_that_cant_be_read_cuts_the_answer_off(content: bytes) -> None:
    reader = following(None, run_id="r1", after="1-9")
    list(reader.receive_head(204, {}))

    with pytest.raises(AnswerCutOff, match="can't be read"):
        list(reader.receive(content)), list(reader.receive_end())


def test_a_run_that_is_active_again_is_followed() -> None:
    reader = following(None, run_id="r1", after="1-2")
    list(reader.receive_head(204, {}))
    list(reader.receive_head(200, {}))

    assert [*reader.receive(run_json("running")), *reader.receive_end()] == []
    reader.pause_s(0)
    assert reader.next_request() == requests.events("agent", "r1", "1-2")


def test_two_streams_of_the_same_run_yield_its_parts_once() -> None:
    reader = following()
    parts = [*reader.receive_head(201, HEAD), *read(reader, body(WHOLE[:6]))]
    parts += [*reader.receive_head(201, HEAD), *read(reader, body(WHOLE))]

    assert parts == WHOLE_PARTS


def test_a_follower_yields_which_run_it_is() -> None:
    reader = following(None, run_id="r1")
    list(reader.receive_head(200, {}))

    parts = read(reader, body(tape(token("a"), FINISHED)))

    assert parts[1:] == [Token("a"), Done("r1", "t1")]
