"""What a screen that can't erase shows of an answer that began anew."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from seltzer.client import (
    Done,
    Interrupted,
    Part,
    Restarted,
    Retracted,
    Seamless,
    Started,
    Token,
    ToolCall,
    ToolResult,
)

CALL = ToolCall("double", {"number": 21})
RESULT = ToolResult("double", "42", is_error=False)
DONE = Done("r1", "t1")


def shown(*parts: Part) -> list[Part]:
    seamless = Seamless()
    return [each for part in parts for each in seamless.take(part)]


def text(parts: list[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Token))


def tokens(*texts: str) -> list[Part]:
    return [Token(each) for each in texts]


def test_an_answer_that_never_broke_is_passed_on_as_it_is() -> None:
    parts = [Started("r1", "t1"), *tokens("a", "b"), Retracted(), CALL, RESULT, *tokens("c"), DONE]

    assert shown(*parts) == parts


def test_repeated_text_isnt_shown_again() -> None:
    assert shown(*tokens("It is ", "4"), Restarted(2), *tokens("It ", "is 42", "."), DONE) == [
        *tokens("It is ", "4", "2", "."),
        DONE,
    ]


def test_an_answer_that_differs_is_shown_in_full_after_a_notice() -> None:
    assert shown(*tokens("It is 4"), Restarted(2), *tokens("It ", "was", " 42"), DONE) == [
        *tokens("It is 4"),
        Restarted(2),
        *tokens("It ", "was", " 42"),
        DONE,
    ]


def test_an_answer_that_becomes_shorter_differs() -> None:
    assert shown(*tokens("It is 42."), Restarted(2), *tokens("It is"), DONE)[1:] == [
        Restarted(2),
        *tokens("It is"),
        DONE,
    ]


def test_an_answer_that_had_not_begun_continues_without_a_notice() -> None:
    assert shown(Restarted(2), *tokens("a"), DONE) == [*tokens("a"), DONE]


def test_a_new_attempt_continues_after_the_finished_steps() -> None:
    steps = [*tokens("Let me see"), Retracted(), CALL, RESULT]

    assert shown(*steps, *tokens("It i"), Restarted(2), *tokens("It is 42"), DONE) == [
        *steps,
        *tokens("It i", "s 42"),
        DONE,
    ]


def test_a_new_attempt_that_begins_after_the_last_step_is_shown_at_once() -> None:
    seamless = Seamless()
    for part in (CALL, RESULT, Restarted(2)):
        list(seamless.take(part))

    assert list(seamless.take(Token("It"))) == tokens("It")


def test_steps_that_are_done_again_arent_shown_again() -> None:
    steps = [*tokens("Let me see"), Retracted(), CALL]

    assert shown(*steps, Restarted(2), *steps, RESULT, *tokens("42"), DONE) == [
        *steps,
        RESULT,
        *tokens("42"),
        DONE,
    ]


def test_a_step_with_another_outcome_differs() -> None:
    other = ToolResult("double", "43", is_error=False)

    assert shown(CALL, RESULT, *tokens("4"), Restarted(2), CALL, other, *tokens("43"), DONE)[3:] == [
        Restarted(2),
        CALL,
        other,
        *tokens("43"),
        DONE,
    ]


def test_the_longest_repetition_is_believed() -> None:
    again = [*tokens("a"), CALL]

    assert shown(*again, *again, Restarted(2), *again, *again, *tokens("b"), DONE) == [
        *again,
        *again,
        *tokens("b"),
        DONE,
    ]


def test_of_two_possible_repetitions_the_one_that_continues_counts() -> None:
    steps = [*tokens("ab"), CALL, *tokens("a"), RESULT]

    assert shown(*steps, Restarted(2), *tokens("a"), DONE) == [*steps, *tokens("a"), DONE]


def test_several_crashes_show_one_answer() -> None:
    parts = [*tokens("It is"), Restarted(2), *tokens("It"), Restarted(3), *tokens("It is 4")]

    assert text(shown(*parts, Restarted(4), *tokens("It is 42."), DONE)) == "It is 42."


def test_a_question_ends_a_repetition_as_an_answer_does() -> None:
    interrupted = Interrupted("r1", "t1", ())

    assert shown(CALL, Restarted(2), CALL, interrupted) == [CALL, interrupted]
    assert shown(CALL, Restarted(2), interrupted) == [CALL, interrupted]
    assert shown(*tokens("a"), Restarted(2), interrupted) == [*tokens("a"), Restarted(2), interrupted]


def test_the_next_answer_isnt_compared_with_this_one() -> None:
    seamless = Seamless()
    for part in (Started("r1", "t1"), *tokens("one"), DONE, Started("r2", "t1")):
        list(seamless.take(part))

    assert [each for part in (*tokens("one"), DONE) for each in seamless.take(part)] == [*tokens("one"), DONE]


TEXTS = st.lists(st.text("ab", min_size=1, max_size=3), max_size=8)


@given(st.data(), st.text("ab", max_size=20))
def test_whatever_crashes_the_same_answer_is_shown_once(data: st.DataObject, answer: str) -> None:
    parts: list[Part] = []
    for attempt in range(1, data.draw(st.integers(1, 4)) + 1):
        parts += [Restarted(attempt)] if attempt > 1 else []
        parts += cut(data, answer)[: data.draw(st.integers(0, 20))]
    parts += [Restarted(9), *cut(data, answer), DONE]

    result = shown(*parts)

    assert text(result) == answer
    assert Restarted(9) not in result


@given(TEXTS, TEXTS)
def test_the_complete_answer_follows_a_notice_of_a_difference(old: list[str], new: list[str]) -> None:
    result = shown(*tokens(*old), Restarted(2), *tokens(*new), DONE)

    rest = result[result.index(Restarted(2)) :] if Restarted(2) in result else result
    assert text(rest) == "".join(new)


def cut(data: st.DataObject, answer: str) -> list[Part]:
    """Return the answer in tokens of any size."""
    places = sorted({0, len(answer), *data.draw(st.lists(st.integers(0, len(answer)), max_size=5))})
    return [Token(answer[start:end]) for start, end in itertools.pairwise(places)]
