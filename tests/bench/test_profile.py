"""The profile counts each function to its own step."""

from pathlib import Path

import pytest

from bench.profile import _STEPS, _step

PLACES = {
    "libraries": "/there/lib/python3.11/site-packages/",
    "standard library": "/there/lib/python3.11/",
    "ours": f"{Path(__file__).parents[2]}/",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize(("step", "mark"), [(step, mark) for step, marks in _STEPS for mark in marks])
def test_time_in_a_steps_files_counts_for_that_step_alone(step: str, mark: str, place: str) -> None:
    assert _step(f"run ({place}{mark}x.py:7)") == step


def test_a_file_that_is_no_steps_is_the_standard_librarys() -> None:
    assert _step("run (/there/lib/python3.11/asyncio/tasks.py:7)") == "standard library alone"
