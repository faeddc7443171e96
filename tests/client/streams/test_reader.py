"""A run's events to the parts of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seltzer.client import (
    AnswerCutOff,
    Cursor,
    Done,
    Interrupt,
    Interrupted,
    Part,
    Reading,
    Restarted,
    Retracted,
    ServerError,
    Started,
    Token,
    ToolCall,
    ToolResult,
)
from tests.client.tape import (
    CRASHED,
    CRASHED_PARTS,
    FINISHED,
    WHOLE,
    WHOLE_PARTS,
    Emission,
    call,
    result,
    tape,
    token,
)


def read(emissions: Sequence[Emission], reading: Reading | None = None) -> list[Part]:
    reading = reading or Reading()
    return [part for each in emissions for part in reading.take(each.kind, each.data, each.cursor)]


def test_a_runs_events_are_an_answer_with_its_steps() -> None:
    assert read(WHOLE) == WHOLE_PARTS


def test_a_new_attempt_restarts_the_answer() -> None:
    reading = Reading()

    assert read(CRASHED, reading) == CRASHED_PARTS
    assert reading.text == "It is 42."


@given(st.lists(st.integers(0, len(CRASHED))))
def test_events_that_are_read_again_add_nothing(begins: list[int]) -> None:
    reading, parts = Reading(), []
    known = 0
    for begin in [*begins, 0]:
        upto = len(CRASHED) if begin == 0 else begin
        parts += read(CRASHED[min(begin, known) : upto], reading)
        known = max(known, upto)

    assert parts == CRASHED_PARTS


@pytest.mark.parametrize("missing", range(1, len(CRASHED) - 1))
def test_a_hole_is_never_passed_over(missing: int) -> None:
    is_an_attempts_end = CRASHED[missing + 1].kind == "started"
    reading = Reading()
    left = [*CRASHED[:missing], *CRASHED[missing + 1 :]]

    if is_an_attempts_end:  # what a crash loses at the end of an attempt, nobody can miss
        assert read(left, reading)[-1] == Done("r1", "t1")
        return
    with pytest.raises(AnswerCutOff, match="are missing") as caught:
        read(left, reading)
    assert caught.value.run_id in ("r1", "")
    assert caught.value.cursor == str(CRASHED[missing - 1].cursor)


def test_a_first_event_that_isnt_the_first_is_a_hole_too() -> None:
    with pytest.raises(AnswerCutOff):
        read(WHOLE[1:])


def test_what_was_read_before_by_somebody_else_isnt_missed() -> None:
    assert read(WHOLE[-2:], Reading("r1", WHOLE[-3].cursor)) == [Token("2 🥤."), Done("r1", "")]


def test_a_reader_of_the_second_attempt_alone_sees_no_restart() -> None:
    assert read(tape(token("a"), FINISHED, attempt=2)) == [Started("r1", "t1"), Token("a"), Done("r1", "t1")]


def test_a_tool_call_that_a_crash_cut_in_two_is_dropped() -> None:
    emissions = [*tape(call('{"num', "double", "c1")), *tape(call("{}", "double", "c1"), FINISHED, attempt=2)]

    assert read(emissions) == [Started("r1", "t1"), Restarted(2), ToolCall("double", {}), Done("r1", "t1")]


def test_arguments_that_arent_json_are_shown_as_they_are() -> None:
    assert ToolCall("double", '{"num') in read(tape(call('{"num', "double", "c1"), FINISHED))


@pytest.mark.parametrize(
    ("emissions", "expected"),
    [
        (result("no", name="t", status="error"), ToolResult("t", "no", is_error=True)),
        (result("x"), ToolResult("", "x", is_error=False)),
        (result(None, name="t"), ToolResult("t", "null", is_error=False)),
    ],
)
def test_a_tools_answer_is_text(emissions: tuple[str, Any], expected: ToolResult) -> None:
    assert read(tape(emissions))[1:] == [expected]


def begun(message_id: str, *, held: bool) -> tuple[str, Any]:
    return "message", {"message_id": message_id, "held": held}


def words(message_id: str, text: str) -> tuple[str, Any]:
    return "token", {"message_id": message_id, "text": text, "channel": "answer"}


BROKEN = (begun("m1", held=False), words("m1", "The answer"))
RETRACTED = ("retracted", {"message_id": "m1"})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((words("m2", "The answer is."), RETRACTED), [Token(" is.")]),
        ((RETRACTED, words("m2", "The answer is.")), [Token(" is.")]),
        ((words("m2", "Another."), RETRACTED), [Retracted(), Token("Another.")]),
        (
            (words("m2", "The answer."), RETRACTED, begun("m3", held=False), words("m3", "No.")),
            [Retracted(), Token("No."), Retracted(), Token("The answer.")],
        ),
        ((words("m2", "The answer."), RETRACTED, ("retracted", {"message_id": "m2"})), [Retracted()]),
    ],
)
def test_words_that_a_later_try_repeats_are_shown_once(
    said: tuple[tuple[str, Any], ...], expected: list[Part]
) -> None:
    parts = read(tape(*BROKEN, begun("m2", held=True), *said, FINISHED))

    assert parts[1:] == [Token("The answer"), *expected, Done("r1", "t1")]


def test_an_unknown_kind_is_ignored() -> None:
    assert read(tape(("novelty", {"a": 1}), token("a"), FINISHED))[1:] == [Token("a"), Done("r1", "t1")]


def test_an_interrupt_ends_the_answer() -> None:
    asks = {"interrupts": [{"id": "i1", "value": {"question": "really?"}}]}
    reading = Reading()

    parts = read(tape(("interrupt", asks), ("interrupted", asks)), reading)

    assert parts[1:] == [Interrupted("r1", "t1", (Interrupt("i1", {"question": "really?"}),))]
    assert reading.is_over


def test_a_failure_is_an_error_with_its_code() -> None:
    failed = {
        "code": "upstream_rate_limited",
        "message": "slow down",
        "retryable": True,
        "retry_after_s": 3.0,
    }

    with pytest.raises(ServerError) as caught:
        read(tape(token("a"), ("failed", failed)))

    error = caught.value
    assert (error.code, error.status, error.detail, error.retry_after_s) == (
        "upstream_rate_limited",
        500,
        "slow down",
        3.0,
    )


def test_a_cancelled_run_is_an_error_too() -> None:
    with pytest.raises(ServerError) as caught:
        read(tape(("cancelled", {})))

    assert caught.value.code == "run_cancelled"


def ai(content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "ai", "content": content, "tool_calls": [], **more}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"messages": [{"type": "human", "content": "q"}, ai("whole")]}, [Token("whole")]),
        ({"messages": [ai([{"type": "text", "text": "who"}, "le", {"type": "image"}])]}, [Token("whole")]),
        ({"messages": [ai("", tool_calls=[{"name": "t"}])]}, []),
        ({"messages": [ai(None)]}, []),
        ({"messages": [{"type": "human", "content": "q"}]}, []),
        ({"messages": []}, []),
        ({"messages": "odd"}, []),
        ({"count": 1}, []),
        ("odd", []),
    ],
)
def test_an_answer_that_was_complete_before_the_crash_is_read_from_the_state(
    values: Any, expected: list[Part]
) -> None:
    crashed = [*tape(token("who")), *tape(("state", {"values": values}), FINISHED, attempt=2)]

    assert read(crashed)[2:] == [Restarted(2), *expected, Done("r1", "t1")]


def test_a_state_that_the_run_continues_from_isnt_its_answer() -> None:
    state = ("state", {"values": {"messages": [ai("the turn before")]}})

    parts = read([*tape(token("o")), *tape(state, token("once more"), FINISHED, attempt=2)])

    assert parts[2:] == [Restarted(2), Token("once more"), Done("r1", "t1")]


def test_a_run_that_waited_and_was_cancelled_never_started() -> None:
    with pytest.raises(ServerError):
        list(Reading("r1").take("cancelled", {}, Cursor(1, 1)))
