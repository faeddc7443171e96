"""Each store of states in turn, empty."""

from pathlib import Path

import pytest

from tests.stores.state_stores import STATE_STORES, StateStore


@pytest.fixture(params=list(STATE_STORES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> StateStore:
    return await STATE_STORES[request.param](tmp_path)
