"""The demo model's script: its answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from graphs.calculator import calculator
from seltzer.models.demo import Call, Fail, Part, Text, Thought, plan
from seltzer.models.demo.words import chunks

TOOLS = ("calculator",)


def _text(parts: tuple[Part, ...]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))


def _calls(parts: tuple[Part, ...]) -> list[dict[str, Any]]:
    calls: dict[int, dict[str, Any]] = {}
    for part in parts:
        if isinstance(part, Call):
            call = calls.setdefault(part.index, {"name": part.name, "id": part.call_id, "args": ""})
            call["args"] += part.args
    return [{**call, "args": json.loads(call["args"])} for call in calls.values()]


def _played(*questions: str) -> list[AnyMessage]:
    """Play a conversation to its end, with the real calculator."""
    messages: list[AnyMessage] = []
    for question in questions:
        messages.append(HumanMessage(question))
        while True:
            parts = plan(messages, TOOLS)
            calls = _calls(parts)
            messages.append(AIMessage(_text(parts), tool_calls=calls))
            if not calls:
                break
            messages += [calculator.invoke({"type": "tool_call", **call}) for call in calls]
    return messages


def _answer(*questions: str) -> str:
    return _played(*questions)[-1].text


def _results(messages: list[AnyMessage]) -> list[str]:
    return [message.text for message in messages if isinstance(message, ToolMessage)]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("what is the square root of 71?", "The square root of 71 is 8.426149773176359."),
        ("2+2 and 3+3", "2+2 is 4 and 3+3 is 6."),
        ("2+2 and 3+3 and 4+4", "2+2 is 4, 3+3 is 6 and 4+4 is 8."),
        ("15% of 80", "15% of 80 is 12."),
        ("71の平方根は？", "71の平方根は8.426149773176359です。"),
        ("71的平方根是多少？", "71的平方根是8.426149773176359。"),
        ("1/0", "I couldn't work out 1/0. The calculator says: Division by zero has no value."),
        ("my name is Bob", "Nice to meet you, Bob! I'll remember your name in this thread."),
    ],
)
def test_it_answers_in_the_language_asked(question: str, answer: str) -> None:
    assert _answer(question) == answer


def test_it_never_computes_but_repeats_the_calculators_result() -> None:
    call = _calls(plan([HumanMessage("2+2")], TOOLS))[0]
    lied = [HumanMessage("2+2"), AIMessage("", tool_calls=[call]), ToolMessage("5", tool_call_id=call["id"])]

    assert _text(plan(lied, TOOLS)) == "2+2 is 5."


def test_a_refused_expression_ends_in_an_answer_with_the_reason() -> None:
    assert "too large" in _answer("what is 9**9**9?")
    assert "too deep" in _answer("what is " + "(" * 300 + "1" + ")" * 300)
    assert "too long" in _answer("what is " + "1" * 100_000)


def test_several_sums_are_called_for_in_one_message() -> None:
    messages = _played("2+2 and 3+3")

    assert [m.type for m in messages] == ["human", "ai", "tool", "tool", "ai"]
    assert _results(messages) == ["4", "6"]


def test_two_steps_take_two_rounds() -> None:
    messages = _played("(3+4)*2 step by step")

    assert [m.type for m in messages] == ["human", "ai", "tool", "ai", "tool", "ai"]
    assert _results(messages) == ["7", "14"]
    assert messages[-1].text == "3+4 is 7 and 7*2 is 14."


def test_it_continues_from_the_last_result() -> None:
    assert _answer("3+4", "and times 2?") == "7 * 2 is 14."
    assert (
        _answer("71の平方根は？", "それに2をかけると？") == "8.426149773176359 * 2は16.852299546352718です。"
    )


def test_it_continues_from_a_history_of_texts_alone() -> None:
    history = [HumanMessage("3+4"), AIMessage("3+4 is 7."), HumanMessage("and times 2?")]

    assert [call["args"] for call in _calls(plan(history, {"calculator"}))] == [{"expression": "7 * 2"}]


def test_it_remembers_a_name_through_the_messages() -> None:
    assert "Bob" in _answer("my name is Bob", "2+2", "what is my name?")
    assert "Anna" in _answer("Hi, I'm Anna", "what's my name?")
    assert "ボブ" in _answer("私の名前はボブです", "私の名前は何ですか？")
    assert "小明" in _answer("我叫小明", "我叫什么名字？")
    assert "Bob" in _answer("My name is Bob. What is my name?")
    assert "Eve" in _answer("my name is Bob", "call me Eve", "who am I?")
    assert "don't know your name" in _answer("what is my name?")


@pytest.mark.parametrize("mood", ["I'm tired", "I am sure about that"])
def test_a_mood_is_no_name(mood: str) -> None:
    assert "don't know your name" in _answer(mood, "what is my name?")


def test_a_result_without_its_call_is_answered_all_the_same() -> None:
    assert _text(plan([HumanMessage("hm"), ToolMessage("5", tool_call_id="x")])) == "The result is 5."


def test_without_a_calculator_it_answers_so_and_makes_nothing_up() -> None:
    parts = plan([HumanMessage("what is 3+4?")])

    assert "no calculator" in _text(parts)
    assert "7" not in _text(parts)


def test_with_its_tools_removed_it_answers_from_what_it_has() -> None:
    first = _calls(plan([HumanMessage("(3+4)*2 step by step")], TOOLS))[0]
    messages = [
        HumanMessage("(3+4)*2 step by step"),
        AIMessage("", tool_calls=[first]),
        ToolMessage("7", tool_call_id=first["id"]),
    ]

    assert _text(plan(messages)) == "3+4 is 7."


def test_thinking_out_loud_is_sent_apart_from_the_answer() -> None:
    parts = plan([HumanMessage("think out loud")], TOOLS)
    before_a_call = plan([HumanMessage("think out loud: what is 3 times 4?")], TOOLS)

    assert isinstance(parts[0], Thought)
    assert _text(parts)
    assert {type(part) for part in before_a_call} == {Thought, Call}


def test_asked_to_it_announces_its_call() -> None:
    parts = plan([HumanMessage("tell me first, then work out 3+4")], TOOLS)

    assert _text(parts) == "Let me ask the calculator first."
    assert _calls(parts)[0]["args"] == {"expression": "3+4"}


@pytest.mark.parametrize("question", ["a long answer, please", "長い答えをください", "请给我一个长回答"])
def test_a_long_answer_is_long_and_varied(question: str) -> None:
    parts = plan([HumanMessage(question)])

    assert len(parts) >= 300
    assert len({part.text for part in parts if isinstance(part, Text)}) > 30


def test_markdown_has_what_markdown_has() -> None:
    text = _answer("show me some markdown")

    assert all(mark in text for mark in ("## ", "**", "| ", "```", "1. ", "> "))


@pytest.mark.parametrize(
    "question", ["fail in the middle", "please fail in mid-stream", "途中で失敗して", "中途失败"]
)
def test_asked_to_fail_it_fails_after_some_words(question: str) -> None:
    parts = plan([HumanMessage(question)])

    assert isinstance(parts[-1], Fail)
    assert len(parts) > 5


@pytest.mark.parametrize(
    "question", ["hi there!", "こんにちは", "你好", "tell me about Rome", "教えて", "讲个故事"]
)
def test_it_states_that_it_is_scripted(question: str) -> None:
    text = _answer(question)

    assert any(word in text for word in ("scripted", "台本", "脚本"))


def test_its_last_resort_explains_how_to_use_a_real_model() -> None:
    assert "OPENAI_API_KEY" in _answer("what is the capital of France?")


def test_calls_of_equal_questions_have_ids_of_their_own() -> None:
    first, again = (plan([HumanMessage("3+4", id=message_id)], TOOLS) for message_id in ("a", "b"))

    assert _calls(first)[0]["id"] != _calls(again)[0]["id"]
    assert first == plan([HumanMessage("3+4", id="a")], TOOLS)


_MESSAGES = st.lists(
    st.builds(HumanMessage, st.text(max_size=40))
    | st.builds(AIMessage, st.text(max_size=40))
    | st.builds(SystemMessage, st.text(max_size=40))
    | st.builds(ToolMessage, st.text(max_size=40), tool_call_id=st.just("x")),
    max_size=6,
)


@given(_MESSAGES, st.booleans())
def test_any_conversation_gets_an_answer_of_at_least_four_chunks(
    messages: list[AnyMessage], has_tools: bool
) -> None:
    parts = plan(messages, TOOLS if has_tools else ())

    assert len(parts) >= 4
    assert _text(parts) or _calls(parts)


@given(st.text())
def test_chunks_join_to_the_text_and_are_a_word_at_most(text: str) -> None:
    pieces = chunks(text)

    assert "".join(pieces) == text
    assert all(len(piece.split()) <= 1 for piece in pieces)
    assert len(pieces) >= min(4, len(text))


def test_cjk_chunks_are_one_or_two_characters() -> None:
    assert chunks("71の平方根は8.4です。") == ["71", "の平", "方根", "は", "8.4", "です", "。"]
