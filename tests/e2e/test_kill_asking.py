"""Servers are killed over a graph that asks: no answer is ever taken for that to another question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.processes import Home, at_home, upstream_environment
from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.replies import Json, Reply
from tests.serving import write_graphs
from tests.upstream import Upstream

HEAD = """
import operator
from typing import Annotated
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict
from seltzer.models import chat_model

class State(TypedDict):
    said: Annotated[list, operator.add]

async def work():
    await chat_model().ainvoke("work")
"""
IN_NODES_OF_THEIR_OWN = f"""{HEAD}
async def one(state: State):
    return {{"said": [["one?", interrupt("one?")]]}}

async def between(state: State):
    await work()
    return {{"said": []}}

async def two(state: State):
    return {{"said": [["two?", interrupt("two?")]]}}

graph = StateGraph(State).add_sequence([one, between, two]).add_edge(START, "one").compile()
"""
IN_ONE_NODE = f"""{HEAD}
async def ask(state: State):
    one = interrupt("one?")
    await work()
    two = interrupt("two?")
    return {{"said": [["one?", one], ["two?", two]]}}

graph = StateGraph(State).add_node(ask).add_edge(START, "ask").compile()
"""
ANSWERS = {"one?": 1, "two?": 2}


@pytest.fixture(params=["in nodes of their own", "in one node"])
def home(request: pytest.FixtureRequest, tmp_path: Path, upstream: Upstream) -> Iterator[Home]:
    """A home of a graph that asks twice; between the questions it works, until resume()."""
    upstream.script(lambda _body: Reply(text="done", breaks="silence"))
    source = IN_ONE_NODE if request.param == "in one node" else IN_NODES_OF_THEIR_OWN
    config = write_graphs(tmp_path / "graphs", {"asking": source})
    with at_home(config, tmp_path / "home", **upstream_environment(upstream)) as made:
        yield made


def test_no_answer_is_mistaken_for_another_questions(home: Home, upstream: Upstream) -> None:
    with httpx.Client(base_url=home.url, timeout=PATIENCE_S) as client:
        home.start()
        asked = ended(client, client.post("/asking/runs", json={"input": {"said": []}, "thread_id": "t"}))
        assert [each["value"] for each in asked["interrupts"]] == ["one?"]
        answered = client.post(f"/asking/runs/{asked['run_id']}/resume", json={"resume": ANSWERS["one?"]})
        upstream.next_request()

        home.kill()
        upstream.resume()
        home.start()

        run = ended(client, answered)
        assert (run["status"], run["attempt"]) == ("interrupted", 2)
        for _ in range(2):  # a question whose answer died with its node is asked again
            if run["status"] != "interrupted":
                break
            [question] = [each["value"] for each in run["interrupts"]]
            resume = f"/asking/runs/{run['run_id']}/resume"
            run = ended(client, client.post(resume, json={"resume": ANSWERS[question]}))
        assert run["status"] == "success"
        assert client.get("/asking/threads/t").json()["values"]["said"] == [["one?", 1], ["two?", 2]]


def ended(client: httpx.Client, started: httpx.Response) -> Json:
    """Wait for the run's end, and return it."""
    assert started.status_code == 201, started.text
    path = started.headers["location"]
    all_events(client, f"{path}/events")
    run: Json = client.get(path).json()
    return run
