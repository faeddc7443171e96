"""What the catalog loads, as a server serves it."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.catalog.project import BUILDER

SOURCE = f"""\
import asyncio, contextlib
from langchain_core.messages import AIMessage
{BUILDER.replace('("ai", "hello")', 'AIMessage("hello")')}
graph = builder
calls = []

@contextlib.asynccontextmanager
async def session(config, runtime):
    made = StateGraph(MessagesState)
    style = config.get("configurable", {{}}).get("style", "plain")
    made.add_node("say", lambda state: {{"messages": [AIMessage(style)]}})
    calls.append(("open", config.get("configurable"), runtime.access_context))
    yield made.add_edge(START, "say")
    calls.append("closed")

async def connected():
    queue = asyncio.get_running_loop().create_future()
    made = StateGraph(MessagesState)

    async def say(state):
        is_same = queue.get_loop() is asyncio.get_running_loop()
        return {{"messages": [AIMessage("same loop" if is_same else "another loop")]}}

    made.add_node("say", say)
    return made.add_edge(START, "say").compile()

no = 7
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server of seven graphs, one of which can't be loaded, and five of which have awkward names."""
    folder = tmp_path_factory.mktemp("served")
    names = {"agent": "graph", "Deep Researcher": "session", "v1": "connected", "агент": "graph", "bad": "no"}
    names |= {"runs": "graph", "threads": "graph"}
    entries = {name: f"./served_here.py:{variable}" for name, variable in names.items()}
    (folder / "served_here.py").write_text(SOURCE, encoding="utf-8")
    (folder / "langgraph.json").write_text(json.dumps({"graphs": entries}), encoding="utf-8")
    settings = Settings(config=folder / "langgraph.json", data=folder / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        with TestClient(create_app(settings), base_url="http://127.0.0.1") as started:
            yield started


def output(client: TestClient, path: str, **body: Any) -> Any:
    """Run a graph over the native routes, and return the thread's answer."""
    created = client.post(f"{path}/runs", json={"input": "hi", **body})
    assert created.status_code == 201, created.text
    run = created.headers["location"]
    with client.stream("GET", f"{run}/events") as events:
        events.read()
    return client.get(run).json()["output"]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/agent", "hello"),
        ("/deep-researcher", "plain"),
        ("/Deep%20Researcher", "plain"),
        ("/graphs/v1", "same loop"),
        ("/%D0%B0%D0%B3%D0%B5%D0%BD%D1%82", "hello"),
        ("/graph-01957d61", "hello"),
    ],
)
def test_each_graph_runs_at_its_slug_and_by_its_name(client: TestClient, path: str, answer: str) -> None:
    assert output(client, path) == answer


@pytest.mark.parametrize("name", ["runs", "threads"])
def test_a_graph_named_like_a_list_has_lists_of_its_own(client: TestClient, name: str) -> None:
    thread_id = f"of-{name}"
    assert output(client, f"/graphs/{name}", thread_id=thread_id) == "hello"

    runs = client.get(f"/graphs/{name}/runs").json()["runs"]
    threads = client.get(f"/graphs/{name}/threads").json()["threads"]

    assert [each["graph"] for each in runs] == [name]
    assert [each["thread_id"] for each in threads] == [thread_id]
    everywhere = client.get("/runs", params={"graph": name}).json()["runs"]
    assert everywhere == runs


@pytest.mark.parametrize("path", ["/agent", "/deep-researcher", "/graphs/v1", "/graph-01957d61"])
def test_each_graph_is_served_over_langserve_at_its_path(client: TestClient, path: str) -> None:
    answer = client.post(f"{path}/invoke", json={"input": {"messages": "hi"}})

    assert answer.status_code == 200, answer.text
    assert answer.json()["output"] in ("hello", "plain", "same loop")
    assert client.get(f"{path}/input_schema").status_code == 200


def test_a_graph_is_made_for_each_run_and_closed_after_it(client: TestClient) -> None:
    calls = sys.modules["served_here"].calls
    assert calls[:2] == [("open", None, "assistants.read"), "closed"]
    calls.clear()

    output(client, "/deep-researcher", thread_id="t1")
    output(client, "/deep-researcher", thread_id="t2")

    threads = [each[1]["thread_id"] for each in calls if each != "closed"]
    assert threads == ["t1", "t2"]
    assert [each[2] for each in calls if each != "closed"] == ["threads.create_run"] * 2
    assert calls.count("closed") == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/bad/runs"),
        ("GET", "/bad/threads"),
        ("POST", "/bad/invoke"),
        ("POST", "/bad/stream"),
        ("GET", "/bad/input_schema"),
        ("GET", "/bad/playground/"),
        ("GET", "/bad/graph"),
    ],
)
def test_a_broken_graphs_routes_answer_with_the_load_error(
    client: TestClient, method: str, path: str
) -> None:
    answer = client.request(method, path, json={"input": "hi"} if method == "POST" else None)

    assert answer.status_code == 503
    assert answer.json()["code"] == "graph_broken"


def test_info_names_what_is_served_and_what_is_broken(client: TestClient) -> None:
    info = client.get("/info").json()

    assert {each["name"]: each["path"] for each in info["graphs"]} == {
        "agent": "/agent",
        "Deep Researcher": "/deep-researcher",
        "v1": "/graphs/v1",
        "агент": "/graph-01957d61",
        "runs": "/graphs/runs",
        "threads": "/graphs/threads",
    }
    (broken,) = info["broken"]
    assert (broken["name"], broken["path"]) == ("bad", "/bad")
    assert "it is 'int', not a graph" in broken["why"]


def test_the_graph_can_be_drawn_without_a_run(client: TestClient) -> None:
    nodes = client.get("/deep-researcher/graph").json()["nodes"]

    assert [each["id"] for each in nodes] == ["__start__", "say", "__end__"]
