"""Servers are killed, at any moment: nothing that was accepted is lost, and no thread is wedged."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.answers import Answers, answer_to
from tests.e2e.invariants import INVARIANTS, pieced_together
from tests.e2e.processes import Home, at_home, until, upstream_environment
from tests.e2e.storm import Storm, plan
from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.replies import Reply
from tests.serving import write_graphs
from tests.upstream import Upstream

SEEDS = int(os.environ.get("KILL_SEEDS", "10"))  # make soak sets it
HELD = """
from langgraph.graph import START, MessagesState, StateGraph
from seltzer.models import chat_model

model = chat_model()
unheard = model.with_config(tags=["nostream"])

async def talk(state: MessagesState):
    return {"messages": [await model.ainvoke(state["messages"])]}

async def hold(state: MessagesState):
    await unheard.ainvoke("hold")
    return {}

builder = StateGraph(MessagesState).add_node(talk).add_node(hold)
graph = builder.add_edge(START, "talk").add_edge(START, "hold").compile()
"""
COUNTED = Path(__file__).parent / "counted.py"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


class Homes:
    """Lends a home of the shipped agent, whose tool is counted and whose model is the upstream.

    Its server and its data stay from storm to storm, as starting is what takes the time, until one fails.
    """

    def __init__(self, new_folder: Callable[[], Path], upstream: Upstream, closing: ExitStack) -> None:
        self._new_folder = new_folder
        self._upstream = upstream
        self._closing = closing
        self._home: Home | None = None

    @contextmanager
    def borrowed(self) -> Iterator[Home]:
        home, self._home = self._home or self._new(), None
        try:
            yield home
        except BaseException:
            home.kill()
            raise
        self._home = home

    def _new(self) -> Home:
        folder = self._new_folder()
        (folder / "tools").touch()
        config = write_graphs(folder, {"agent": f"{COUNTED}:graph"})
        environment = upstream_environment(self._upstream) | {"TOOL_LOG": str(folder / "tools")}
        return self._closing.enter_context(at_home(config, folder, **environment))


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Homes]:
    with ExitStack() as closing:
        yield Homes(lambda: tmp_path_factory.mktemp("home"), upstream, closing)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_is_lost_whenever_the_server_is_killed(seed: int, homes: Homes, upstream: Upstream) -> None:
    answers = Answers()
    upstream.script(answers)
    with homes.borrowed() as home:
        tool_log = home.config.parent / "tools"
        storm = Storm(home, answers, lambda: Counter(tool_log.read_text().splitlines()))

        storm.rage(plan(seed))

        for invariant in INVARIANTS:
            invariant(storm)


def test_an_answer_that_was_complete_before_the_kill_is_the_runs_output(
    tmp_path: Path, upstream: Upstream
) -> None:
    """A node beside the one that had answered is what the run still waited for."""
    answers = Answers()
    upstream.script(
        lambda body: (
            Reply(text="go", breaks="silence") if body["messages"][-1]["content"] == "hold" else answers(body)
        )
    )
    config = write_graphs(tmp_path / "graphs", {"agent": HELD})
    with (
        at_home(config, tmp_path / "home", **upstream_environment(upstream)) as home,
        httpx.Client(base_url=home.url, timeout=PATIENCE_S) as client,
    ):
        home.start()
        run_id = client.post("/agent/runs", json={"input": "brief 1", "thread_id": "t"}).json()["run_id"]
        until(lambda: "[brief 1]" in client.get("/agent/threads/t").text)  # the answer is kept

        home.kill()
        upstream.resume()
        home.start()

        printed = all_events(client, f"/agent/runs/{run_id}/events")
        run = client.get(f"/agent/runs/{run_id}").json()
    assert (run["status"], run["attempt"], run["output"]) == ("success", 2, answer_to("brief 1"))
    assert pieced_together(printed) == answer_to("brief 1")
    assert answers.asked["brief 1"] == 1
    assert {event.data["node"] for event in printed if event.kind == "update"} == {"talk", "hold"}


def test_a_client_that_watched_ends_with_the_complete_answer(tmp_path: Path) -> None:
    """The README's "Close the lid, open it again"."""
    with at_home(ROOT / "langgraph.json", tmp_path, DEMO_TPS="50") as home:
        home.start()
        watching = home.spawn("chat", "--url", home.url, "please give me a long answer")
        assert watching.stdout is not None
        printed = watching.stdout.read(40)

        home.kill()
        home.start()

        too_late = threading.Timer(PATIENCE_S, watching.kill)
        too_late.start()
        printed += watching.stdout.read()  # communicate() would miss what the first read has buffered
        watching.stdout.close()
        watching.wait(PATIENCE_S)
        too_late.cancel()
        run = last_run(home)
        assert (run["status"], run["attempt"]) == ("success", 2)
        assert printed == run["output"] + "\n"
        assert watching.returncode == 0
        log = home.log.read_text()
        assert "waiting for the server" in log
        assert "Traceback" not in log


def last_run(home: Home) -> dict[str, Any]:
    with httpx.Client(base_url=home.url, timeout=PATIENCE_S) as client:
        thread = client.get("/agent/threads").json()["threads"][0]
        run: dict[str, Any] = client.get(f"/agent/runs/{thread['run_id']}").json()
        return run
