"""Whatever is done to a thread, and in whatever order: it holds what it must.

HISTORIES_SEEDS plays more. A failure shows the history, without the steps that it fails without as well.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.runs.conftest import Engines
from tests.runs.histories.player import Player
from tests.runs.histories.shapes import SHAPES

pytestmark = pytest.mark.anyio

STEPS: Final = 20
SEEDS = range(int(os.environ.get("HISTORIES_SEEDS", "8")))


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_thread_holds_what_it_must_after_any_sequence_of_things(tmp_path: Path, seed: int) -> None:
    error = await _failure(tmp_path / "whole", seed, range(STEPS))

    if error is not None:
        raise await _shortest(tmp_path, seed, error)


async def _failure(folder: Path, seed: int, steps: Sequence[int]) -> Exception | None:
    """Play these steps of the seed's history; return what has failed."""
    engines = Engines(folder / "data")
    try:
        await Player(engines, [*SHAPES][seed % len(SHAPES)], seed).play(steps)
    except Exception as error:  # noqa: BLE001  # whatever it is, a shorter history is looked for
        return error
    finally:
        await engines.aclose()
    return None


async def _shortest(folder: Path, seed: int, error: Exception) -> Exception:
    """Return the failure of a shorter history, if there is one."""
    steps = [*range(STEPS)]
    for step in reversed(range(STEPS)):
        fewer = [each for each in steps if each != step]
        found = await _failure(folder / f"without {step}", seed, fewer)
        if found is not None:
            steps, error = fewer, found
    return error
