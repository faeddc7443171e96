"""Titles: found whatever their spelling, cut between what is shown as one sign, and never lost."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from seltzer.protocols.http.bodies.messages import TITLE_CHARS, title_of
from seltzer.runs.text import cut, fold

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
FLAG = "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}"
SCOTLAND = "\N{WAVING BLACK FLAG}" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbsct") + "\U000e007f"
SIGNS = [
    *("e\N{COMBINING ACUTE ACCENT}", FAMILY, FLAG, "\N{WAVING HAND SIGN}\U0001f3fd", "❤\ufe0f", "א\u05b8"),
    *(SCOTLAND, unicodedata.normalize("NFD", "각"), "\uff76\uff9e", "1\ufe0f\u20e3"),
]


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Cafe\N{COMBINING ACUTE ACCENT}", "CAF\N{LATIN CAPITAL LETTER E WITH ACUTE}"),
        ("\uff76\uff9e\uff77\uff9e", "ガギ"),
        ("İSTANBUL", "istanbul"),
        ("istanbul", "İstanbul"),
        ("STRASSE", "straße"),
        ("ﬁle", "FILE"),
        ("ＡＢＣ", "abc"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ],
)
def test_a_title_is_found_whatever_its_spelling(title: str, query: str) -> None:
    assert fold(query) in fold(title)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_title_is_cut_between_signs(sign: str) -> None:
    assert [cut(sign * 2, length) for length in (len(sign), 2 * len(sign) - 1)] == [sign, sign]
    assert cut("ab" + sign, 3) == "ab"


@given(st.text(), st.integers(1, 9))
def test_a_cut_is_a_beginning_and_not_too_long(text: str, limit: int) -> None:
    found = cut(text, limit)

    assert text.startswith(found)
    assert len(found) <= limit
    assert bool(found) == bool(text)


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}], "Image"),
        ([{"type": "image", "url": "https://example.org/a.png"}], "Image"),
        ([{"type": "input_audio", "input_audio": {}}], "Audio"),
        ([{"type": "file", "file": {}}], "File"),
        ([{"type": "image", "url": "x"}, {"type": "text", "text": "what is this?"}], "what is this?"),
        ("x" * 79 + FAMILY, "x" * 79),
    ],
)
def test_what_a_thread_is_called(content: Any, title: str) -> None:
    assert title_of([AIMessage("before"), HumanMessage(content)]) == title
    assert len(title) <= TITLE_CHARS


def test_a_later_text_is_better_than_an_image() -> None:
    image: list[str | dict[Any, Any]] = [{"type": "image", "url": "x"}]

    assert title_of([HumanMessage(image), HumanMessage("what is this?")]) == "what is this?"
    assert title_of([AIMessage("hi")]) == ""
