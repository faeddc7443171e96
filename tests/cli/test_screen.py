"""What the terminal makes of what a graph asks, and of what is answered."""

from __future__ import annotations

from typing import Any

import pytest

from seltzer.cli.chat.answer import value_of
from seltzer.cli.chat.screen import STEP_CHARS, question_of

RISKY = {"message": "Really?", "tool": "rm", "path": "/"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Really?", "Really?"),
        ({"question": "Really?"}, "Really?"),
        (RISKY, 'Really? {"tool": "rm", "path": "/"}'),
        ({"question": 1, "message": "Really?"}, 'Really? {"question": 1}'),
        ({"what": "é"}, '{"what": "é"}'),
        ([1, None], "[1, null]"),
        (None, "null"),
    ],
)
def test_what_is_asked_is_shown(value: Any, shown: str) -> None:
    assert question_of(value) == shown


def test_what_is_asked_at_length_is_cut() -> None:
    assert question_of("x" * 2 * STEP_CHARS).endswith("… (1000 characters)")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("3", "3"),
        ("1.5", "1.5"),
        ('"quoted"', '"quoted"'),
        ('{"ok": true}', {"ok": True}),
        ("[1, 2]", [1, 2]),
        ("{ok}", "{ok}"),
        ("NaN", "NaN"),
        ("", ""),
    ],
)
def test_what_is_typed_is_text_unless_it_is_more_than_a_word_of_json(text: str, value: Any) -> None:
    assert value_of(text) == value
