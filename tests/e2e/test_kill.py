"""Servers are killed, at any moment: nothing that was accepted is lost, and no thread is wedged."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.answers import Answers
from tests.e2e.invariants import INVARIANTS
from tests.e2e.processes import WAIT_S, Home, at_home, upstream_environment
from tests.e2e.storm import Storm, plan
from tests.serving import write_graphs
from tests.upstream import Upstream

SEEDS = int(os.environ.get("KILL_SEEDS", "10"))  # make soak sets it
COUNTED = Path(__file__).parent / "counted.py"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Home]:
    """A home of the shipped agent, whose tool is counted and whose model is the upstream.

    Its server and its data go on from test to test: starting is what takes the time here.
    """
    folder = tmp_path_factory.mktemp("home")
    config = write_graphs(folder, {"agent": f"{COUNTED}:graph"})
    environment = upstream_environment(upstream) | {"TOOL_LOG": str(folder / "tools")}
    with at_home(config, folder, **environment) as made:
        yield made


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_is_lost_whenever_the_server_is_killed(seed: int, home: Home, upstream: Upstream) -> None:
    answers, tool_log = Answers(), home.config.parent / "tools"
    tool_log.touch()
    upstream.script(answers)
    storm = Storm(home, answers, lambda: Counter(tool_log.read_text().splitlines()))

    storm.rage(plan(seed))

    for invariant in INVARIANTS:
        invariant(storm)


def test_a_client_that_watched_ends_with_the_whole_answer(tmp_path: Path) -> None:
    """The README's "Close the lid, open it again"."""
    with at_home(ROOT / "langgraph.json", tmp_path, DEMO_TPS="50") as home:
        home.start()
        watching = home.spawn("chat", "--url", home.url, "please give me a long answer")
        assert watching.stdout is not None
        said = watching.stdout.read(40)

        home.kill()
        home.start()

        said += watching.communicate(timeout=WAIT_S)[0]
        run = last_run(home)
        assert (run["status"], run["attempt"]) == ("success", 2)
        assert said == run["output"] + "\n"
        assert watching.returncode == 0
        assert "Traceback" not in home.log.read_text()


def last_run(home: Home) -> dict[str, Any]:
    with httpx.Client(base_url=home.url, timeout=WAIT_S) as client:
        thread = client.get("/agent/threads").json()["threads"][0]
        run: dict[str, Any] = client.get(f"/agent/runs/{thread['run_id']}").json()
        return run
