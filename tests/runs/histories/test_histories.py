"""Whatever is done to a thread, and in whatever order: it holds what it must. HISTORIES_SEEDS plays more."""

import os

import pytest

from tests.runs.conftest import Engines
from tests.runs.histories.player import Player

pytestmark = pytest.mark.anyio

SEEDS = range(int(os.environ.get("HISTORIES_SEEDS", "8")))


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_thread_holds_what_it_must_after_any_sequence_of_things(
    engine_of: Engines, seed: int
) -> None:
    player = Player(engine_of, seed)

    await player.play(steps=20)
