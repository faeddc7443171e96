"""What of a message is thinking, in whatever pieces and shapes it comes."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from seltzer.runs.messages.thinking import OpeningText, reasoning_of, without_thinking

TEXTS = st.lists(
    st.sampled_from(["<think>", "</think>", "<thi", "</", "<", "\n", " ", "hm", "4", "<b>"])
).map("".join)


def split(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[begin:end] for begin, end in pairwise(places)]


def read(pieces: list[str]) -> tuple[str, str]:
    """Return the thinking and the text of a message that comes in these pieces."""
    opening, found = OpeningText(), {"reasoning": "", "token": ""}
    for number, piece in enumerate(pieces, 1):
        if opening.is_over:
            found["token"] += piece
            continue
        for kind, text in opening.read(piece, is_last=number == len(pieces)):
            found[kind] += text
    return found["reasoning"], found["token"]


@given(TEXTS, st.lists(st.integers(0, 50)))
def test_thinking_in_tags_is_the_same_however_it_is_cut(text: str, cuts: list[int]) -> None:
    thought, said = read(split(text, cuts))

    assert said.strip() == without_thinking(text).strip()
    assert (thought, said.strip()) == (read([text])[0], read([text])[1].strip())
    if not text.lstrip().startswith("<think>"):
        assert (thought, said) == ("", text)


@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("<think>hm</think>\n\n4", "hm", "4"),
        ("\n<think>hm</think>4", "hm", "\n4"),
        ("<think></think>4", "", "4"),
        ("<think>hm", "hm", ""),
        ("4 <think>hm</think>", "", "4 <think>hm</think>"),
        ("<thinking>hm</thinking>", "", "<thinking>hm</thinking>"),
        ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
    ],
)
def test_tags_count_at_the_very_start_alone(text: str, thought: str, said: str) -> None:
    assert read(list(text)) == (thought, said)


@pytest.mark.parametrize(
    ("content", "extra"),
    [
        ([{"type": "thinking", "thinking": "hm"}], {}),
        (
            [
                {
                    "type": "thinking",
                    "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}],
                }
            ],
            {},
        ),
        ([{"type": "reasoning", "reasoning": "hm"}], {}),
        ([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}], {}),
        ([{"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}], "summary": []}], {}),
        ([{"type": "reasoning_content", "reasoning_content": {"text": "hm", "signature": "x"}}], {}),
        ([{"type": "reasoning", "reasoning": "hm"}], {"reasoning_content": "hm"}),
        ("4", {"reasoning_content": "hm"}),
        ("4", {"reasoning": "hm"}),
        ("4", {"reasoning": {"summary": [{"type": "summary_text", "text": "hm"}], "id": "rs_1"}}),
        ([{"type": "text", "text": "4"}], {"reasoning": {"summary": [{"text": "hm"}]}}),
    ],
)
def test_thinking_is_found_in_every_shape(content: Any, extra: dict[str, Any]) -> None:
    assert reasoning_of(AIMessage(content, additional_kwargs=extra)) == "hm"


@pytest.mark.parametrize(
    ("content", "extra"),
    [
        ("4", {}),
        ("4", {"reasoning": None, "reasoning_content": 7}),
        ([{"type": "text", "text": "4"}, "5"], {}),
        ([{"type": "reasoning", "summary": []}, {"type": "thinking", "signature": "x"}], {}),
        ([{"type": "thinking", "thinking": 7}], {"reasoning": {"id": "rs_1"}}),
    ],
)
def test_what_has_no_thinking_has_none(content: Any, extra: dict[str, Any]) -> None:
    assert reasoning_of(AIMessage(content, additional_kwargs=extra)) == ""
