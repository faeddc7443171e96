"""The client's world: a real server with a graph controlled by the question."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.serving import Served

TALKER = Path(__file__).parents[1] / "cli" / "talker.py"


@pytest.fixture
def talker(serve: Serve) -> Served:
    """A server whose graph `agent` is tests/cli/talker.py."""
    return serve({"agent": f"{TALKER}:graph"})
