"""What the runs of a node show: whether the next one's text may be shown live."""

import pytest

from seltzer.runs.execution.translation.answer_shape import RUNS_UNTIL_LIVE, AnswerShape
from tests.runs.scripted import agent

PATH = ("model",)
LONG = "k" * RUNS_UNTIL_LIVE


@pytest.mark.parametrize(
    ("runs", "is_held"),
    [
        ("", False),
        ("k", False),
        ("d", True),
        ("d" + LONG[1:], True),
        ("d" + LONG, False),
        ("d" + LONG[1:] + "d" + LONG[1:], True),
        ("d" + LONG[1:] + "d" + LONG, False),
        ("d" + LONG + "d", True),
        (LONG + "d", True),
        ("d" * 3 + LONG, False),
        ("d" * 3 * RUNS_UNTIL_LIVE, True),
    ],
)
def test_a_dropped_text_counts_until_enough_runs_have_kept_theirs(runs: str, is_held: bool) -> None:
    shape = AnswerShape(agent(["unused"]))

    for each in runs:
        (shape.note_kept if each == "k" else shape.note_dropped)(PATH)

    assert shape.has_dropped(PATH) is is_held
    assert shape.keeps(PATH) is ("k" in runs and not is_held)
