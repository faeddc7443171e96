"""An answer with its steps, from the native routes: over real connections to a scripted server."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seltzer.client import (
    ANEW,
    AnswerCutOff,
    AsyncClient,
    Client,
    Done,
    Part,
    ServerError,
    ServerUnreachable,
    Started,
    Token,
    astream,
    get_stream,
    stream,
)
from seltzer.client.http import requests
from seltzer.client.http.connection import afollow_run, follow_run
from seltzer.client.streams.follow import RunFollower
from tests.client.rawserver import END, Answer, RawServer, answering, answering_each, chunk, head, header
from tests.client.tape import (
    CRASHED,
    CRASHED_PARTS,
    DRAINING,
    FINISHED,
    PING,
    WHOLE,
    WHOLE_PARTS,
    Emission,
    after_cursor,
    body,
    tape,
    token,
)
from tests.serving import Served

pytestmark = pytest.mark.anyio

SSE = head("201 Created", "text/event-stream", x_run_id="r1", x_thread_id="t1")
GONE = head("410 Gone", "application/problem+json")


def replaying(emissions: Sequence[Emission], upto: int | None = None, then: bytes = b"") -> Answer:
    """Answer with the events after the requested cursor, cut off after so many bytes.

    then is sent last.
    """

    def answer(request: bytes) -> list[bytes]:
        sent = body(after_cursor(emissions, header(request, "last-event-id")))[:upto]
        return [SSE, chunk(sent) if sent else b"", then]

    return answer


def whole(emissions: Sequence[Emission]) -> Answer:
    return replaying(emissions, then=END)


class Waits:
    """Stands for time: counts what is waited for, and waits for nothing."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, wait_s: float) -> None:
        self.waits.append(wait_s)
        self.now_s += wait_s

    async def asleep(self, wait_s: float) -> None:
        self.sleep(wait_s)


def following(url: str, query: str = "q", **options: Any) -> RunFollower:
    """Return a reader of one question's answer."""
    first = requests.start("agent", query, {}, streams=True)
    return RunFollower(url, "agent", first, **{"patience_s": 60} | options)


async def aread(url: str, *, silence_s: float = 10, **options: Any) -> list[Part]:
    """Read a run with asyncio, without waiting in between."""
    waits = Waits()
    with anyio.fail_after(20):
        reader = following(url, **options)
        return [part async for part in afollow_run(reader, silence_s, clock=waits, sleep=waits.asleep)]


def read(url: str, *, silence_s: float = 10, **options: Any) -> list[Part]:
    """Read a run without asyncio."""
    waits = Waits()
    return list(follow_run(following(url, **options), silence_s, clock=waits, sleep=waits.sleep))


async def test_an_answer_arrives_in_parts() -> None:
    with answering_each(whole(WHOLE)) as server:
        assert await aread(server.url) == WHOLE_PARTS


@pytest.mark.parametrize("emissions", [WHOLE, CRASHED], ids=["whole", "crashed"])
async def test_cut_after_every_event_the_parts_are_those_of_the_uncut_stream(
    emissions: Sequence[Emission],
) -> None:
    parts = WHOLE_PARTS if emissions is WHOLE else CRASHED_PARTS
    for count in range(len(emissions) + 1):
        cut = len(body(emissions[:count]))
        with answering_each(replaying(emissions, cut), whole(emissions)) as server:
            assert await aread(server.url) == parts, count


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(body(CRASHED))), max_size=5), st.booleans())
def test_cut_anywhere_any_number_of_times_the_parts_are_those_of_the_uncut_stream(
    cuts: list[int], is_clean: bool
) -> None:
    answers = [replaying(CRASHED, cut, END if is_clean else b"") for cut in cuts]
    with answering_each(*answers, *[whole(CRASHED)] * 2) as server:
        assert read(server.url) == CRASHED_PARTS


def test_a_connection_that_is_silent_is_a_lost_one() -> None:
    with answering_each(replaying(WHOLE, 300), whole(WHOLE), stays=True) as server:
        assert read(server.url, silence_s=0.5) == WHOLE_PARTS


async def test_a_draining_server_is_reconnected_to() -> None:
    reasons: list[str] = []
    answers = (replaying(WHOLE, len(body(WHOLE[:6])), chunk(DRAINING) + END), whole(WHOLE))
    with answering_each(*answers) as server:
        assert await aread(server.url, on_lost=reasons.append) == WHOLE_PARTS

    assert reasons == ["the server is shutting down"]
    assert header(server.request, "last-event-id") == "1-6"


async def test_a_start_that_wasnt_answered_starts_one_run() -> None:
    with answering_each(lambda request: [], lambda request: [SSE[:20]], whole(WHOLE)) as server:
        assert await aread(server.url) == WHOLE_PARTS

    keys = {header(request, "idempotency-key") for request in server.requests}
    assert [request.split()[0] for request in server.requests] == [b"POST"] * 3
    assert len(keys) == 1


async def test_a_broken_refusal_is_read_again() -> None:
    refusal = [head("503 Unavailable"), chunk(b"{")]
    with answering_each(replaying(WHOLE, 200), lambda request: refusal, whole(WHOLE)) as server:
        assert await aread(server.url) == WHOLE_PARTS


def test_a_gap_is_an_error() -> None:
    problem = chunk(json.dumps({"code": "stream_gap", "detail": "gone"}).encode())
    cut = len(body(WHOLE[:4]))
    with (
        answering_each(replaying(WHOLE, cut), lambda request: [GONE, problem, END]) as server,
        pytest.raises(AnswerCutOff, match="no longer has the next") as caught,
    ):
        read(server.url)

    assert (caught.value.text, caught.value.cursor) == ("Let me see", "1-4")


async def test_a_reader_after_the_end_gets_how_it_ended() -> None:
    run = {"run_id": "r1", "thread_id": "t1", "graph": "agent", "status": "success", "attempt": 1}
    run |= {"created_at": "", "output": "42", "error": None, "interrupts": []}
    look = [head(content_type="application/json"), chunk(json.dumps(run).encode()), END]
    nothing = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"
    with answering_each(*[lambda request: [nothing], lambda request: look] * 2) as server:
        parts = [part async for part in AsyncClient(server.url).follow("agent", "r1", after="1-9")]
        follow = Client(server.url).follow("agent", "r1", after="1-9")
        assert await anyio.to_thread.run_sync(list, follow) == parts == [Done("r1", "t1")]

    asked = [request.split()[1] for request in server.requests]
    assert asked == [b"/agent/runs/r1/events", b"/agent/runs/r1"] * 2


def test_patience_ends() -> None:
    with answering_each(replaying(WHOLE, 300)) as server, pytest.raises(AnswerCutOff) as caught:
        read(server.url, patience_s=5)

    assert caught.value.run_id == "r1"


def test_a_run_that_may_never_have_begun_is_unreachable_in_the_end() -> None:
    with answering_each(lambda request: []) as server, pytest.raises(ServerUnreachable) as caught:
        read(server.url, patience_s=5)

    assert caught.value.may_have_arrived


async def test_pings_keep_a_quiet_run() -> None:
    quiet = [SSE, chunk(PING), chunk(PING), chunk(body(WHOLE)), END]
    with answering_each(lambda request: quiet) as server:
        assert await aread(server.url) == WHOLE_PARTS


async def test_nothing_is_awaited_after_the_last_event() -> None:
    with answering_each(replaying(WHOLE), stays=True) as server:
        assert await aread(server.url) == WHOLE_PARTS


async def test_a_token_is_yielded_before_the_next_one_is_sent() -> None:
    with answering_each(replaying(tape(token("first"))), stays=True) as server, anyio.fail_after(5):
        parts = astream("q", server.url)

        assert [await anext(parts), await anext(parts)] == [Started("r1", "t1"), Token("first")]

        await parts.aclose()
        await anyio.to_thread.run_sync(server.client_left.wait, 5)
        assert server.client_left.is_set()


def test_the_sync_client_disconnects_when_it_is_closed() -> None:
    with answering_each(replaying(tape(token("first"))), stays=True) as server:
        parts = stream("q", server.url)
        assert [next(parts), next(parts)] == [Started("r1", "t1"), Token("first")]

        parts.close()

        assert server.client_left.wait(5)


def sent_body(server: RawServer) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(server.request.partition(b"\r\n\r\n")[2])
    return sent


def test_the_question_is_sent_with_its_options() -> None:
    with answering_each(whole(WHOLE)) as server:
        list(stream("¿qué?", server.url, graph="a/b", thread_id="t1", on_busy="enqueue", config=None))

    assert server.request.startswith(b"POST /a%2Fb/runs HTTP/1.1\r\n")
    assert header(server.request, "accept") == "text/event-stream"
    assert sent_body(server) == {"input": "¿qué?", "thread_id": "t1", "on_busy": "enqueue"}


@pytest.mark.parametrize(
    ("resume", "sent"),
    [
        (lambda client: client.resume("agent", "r0", "yes"), {"resume": "yes"}),
        (
            lambda client: client.resume("agent", "r0", None, interrupt_id="i"),
            {"resume": None, "interrupt_id": "i"},
        ),
        (lambda client: client.resume_all("agent", "r0", {"i": 1}), {"answers": {"i": 1}}),
        (lambda client: client.resume_all("agent", "r0", {}), {"resume": None}),
    ],
)
async def test_an_answer_to_a_question_is_sent(resume: Callable[[Any], Any], sent: dict[str, Any]) -> None:
    with answering_each(whole(WHOLE), whole(WHOLE)) as server:
        parts = [part async for part in resume(AsyncClient(server.url))]
        assert await anyio.to_thread.run_sync(list, resume(Client(server.url))) == parts == WHOLE_PARTS

    assert server.request.startswith(b"POST /agent/runs/r0/resume HTTP/1.1\r\n")
    assert sent_body(server) == sent


def test_a_refusal_is_an_error_at_once() -> None:
    refusal = [head("503 Unavailable", "application/problem+json", retry_after="7")]
    refusal += [chunk(b'{"code": "server_draining", "detail": "bye"}'), END]
    with answering(*refusal) as server, pytest.raises(ServerError) as caught:
        read(server.url)

    assert (caught.value.code, caught.value.retry_after_s) == ("server_draining", 7.0)


async def test_get_stream_prints_a_restarted_answer_as_one() -> None:
    out = io.StringIO()
    emissions = [*tape(token("It ")), *tape(token("It is"), token(" 42."), FINISHED, attempt=2)]
    with answering_each(whole(emissions)) as server:
        assert await get_stream("q", server.url, out=out) == "It is 42."

    assert out.getvalue() == "It is 42.\n"


async def test_get_stream_prints_a_notice_when_the_new_answer_differs() -> None:
    out = io.StringIO()
    emissions = [*tape(token("It is ")), *tape(token("That's 42."), FINISHED, attempt=2)]
    with answering_each(whole(emissions)) as server:
        assert await get_stream("q", server.url, out=out) == "That's 42."

    assert out.getvalue() == f"It is \n{ANEW}\nThat's 42.\n"


async def test_get_stream_returns_the_answer_without_what_was_a_step() -> None:
    out = io.StringIO()
    with answering_each(whole(WHOLE)) as server:
        assert await get_stream("q", server.url, out=out) == "It is\u2028 42 🥤."

    assert out.getvalue() == "Let me see\n\nIt is\u2028 42 🥤.\n"


async def test_get_stream_prints_a_notice_when_the_graph_asks() -> None:
    out = io.StringIO()
    asked = ("interrupted", {"interrupts": [{"id": "i", "value": "really?"}]})
    with answering_each(whole(tape(asked))) as server:
        assert await get_stream("q", server.url, out=out) == ""

    assert out.getvalue() == "[run r1 waits for an answer]\n"


async def test_a_real_answer_has_its_steps(talker: Served) -> None:
    parts = [part async for part in astream("tool", talker.url, thread_id="t")]

    assert [type(part).__name__ for part in parts] == [
        "Started",
        "ToolCall",
        "ToolResult",
        "Token",
        "Token",
        "Token",
        "Done",
    ]
    assert parts[0] == Started(parts[-1].run_id, "t")  # type: ignore[union-attr]  # it is Done


async def test_a_run_that_fails_in_the_middle_raises_its_code(talker: Served) -> None:
    parts = astream("fail", talker.url)
    assert [await anext(parts) for _ in range(3)][1:] == [Token("You"), Token(" said")]

    with pytest.raises(ServerError) as caught:
        await anext(parts)

    assert caught.value.code == "graph_error"


async def test_an_unknown_graph_is_a_404(talker: Served) -> None:
    with pytest.raises(ServerError) as caught:
        await anext(astream("q", talker.url, graph="nope"))

    assert (caught.value.status, caught.value.code) == (404, "unknown_graph")
