"""What of a thread the model sees."""

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import invalid_tool_call

from graphs.history import (
    last_exchanges,
    open_calls,
    this_turn,
    with_every_call_answered,
    without_broken_calls,
)
from tests.graphs.scripted import calling, texts_of


def _exchange(number: int) -> list[AnyMessage]:
    return [
        HumanMessage(f"question {number}"),
        calling("1+1", call_id=f"c{number}"),
        ToolMessage("2", tool_call_id=f"c{number}-0"),
        AIMessage(f"answer {number}"),
    ]


def test_the_window_has_the_last_exchanges_in_full_and_the_current_one() -> None:
    thread = [m for number in range(8) for m in _exchange(number)] + [HumanMessage("now")]

    shown = last_exchanges(thread, 5)

    assert shown == thread[3 * 4 :]
    assert shown[0].text == "question 3"


def test_a_short_thread_is_shown_in_full() -> None:
    thread = [*_exchange(1), HumanMessage("now")]

    assert last_exchanges(thread, 5) == thread
    assert last_exchanges([AIMessage("a greeting")], 5) == [AIMessage("a greeting")]


def test_a_turn_is_what_follows_the_last_question() -> None:
    assert texts_of(this_turn([*_exchange(1), HumanMessage("now"), AIMessage("well")])) == ["well"]
    assert this_turn([]) == []


def test_a_call_without_a_result_gets_an_error_right_after_it() -> None:
    thread: list[AnyMessage] = [
        HumanMessage("q"),
        calling("1", "2"),
        ToolMessage("1", tool_call_id="call-0"),
        HumanMessage("and?"),
    ]

    repaired = with_every_call_answered(thread)

    assert [m.type for m in repaired] == ["human", "ai", "tool", "tool", "human"]
    assert isinstance(added := repaired[2], ToolMessage)
    assert (added.tool_call_id, added.status, added.name) == ("call-1", "error", "calculator")


def test_a_result_of_another_turn_answers_no_call_of_the_same_id() -> None:
    thread: list[AnyMessage] = [
        HumanMessage("a"),
        calling("1"),
        HumanMessage("b"),
        calling("1"),
        ToolMessage("1", tool_call_id="call-0"),
    ]

    repaired = with_every_call_answered(thread)

    assert [m.type for m in repaired] == ["human", "ai", "tool", "human", "ai", "tool"]


def test_a_complete_history_is_left_as_it_is() -> None:
    assert with_every_call_answered(_exchange(1)) == _exchange(1)


def test_an_invalid_call_is_answered_with_an_error() -> None:
    broken = invalid_tool_call(name="calculator", args='{"expr', id="c", error=None)

    answer, refusal = without_broken_calls(AIMessage("", invalid_tool_calls=[broken]))

    assert isinstance(refusal, ToolMessage)
    assert (refusal.tool_call_id, refusal.status) == ("c", "error")
    assert isinstance(answer, AIMessage)


@pytest.mark.parametrize(
    "metadata",
    [
        {"finish_reason": "length"},
        {"finish_reason": "MAX_TOKENS"},
        {"stop_reason": "max_tokens"},
        {"stop_reason": "model_context_window_exceeded"},
        {"stopReason": "max_tokens"},
        {"done_reason": "length"},
        {"finish_reason": "model_length"},
        {"status": "incomplete"},
    ],
    ids=str,
)
def test_no_call_of_an_answer_that_was_cut_off_is_left_to_run(metadata: dict[str, str]) -> None:
    cut = calling("1+1").model_copy(update={"response_metadata": metadata})

    answer, refusal = without_broken_calls(cut)

    assert isinstance(answer, AIMessage)
    assert answer.tool_calls == []
    assert [call["id"] for call in answer.invalid_tool_calls] == ["call-0"]
    assert isinstance(refusal, ToolMessage)
    assert refusal.status == "error"


@pytest.mark.parametrize("reason", ["stop", "STOP", "tool_calls", None])
def test_the_calls_of_a_whole_answer_are_left_to_run(reason: str | None) -> None:
    whole = calling("1+1").model_copy(update={"response_metadata": {"finish_reason": reason}})

    assert without_broken_calls(whole) == [whole]


def test_open_calls_are_those_of_the_last_answer_that_lack_a_result() -> None:
    asked = calling("1+1", "2+2", "3+3")
    result = ToolMessage("4", tool_call_id="call-1")

    assert [call["id"] for call in open_calls([*_exchange(1), asked, result])] == ["call-0", "call-2"]
    assert open_calls(_exchange(1)) == []
    assert open_calls([HumanMessage("now")]) == []
