"""Graphs on two servers share what they store, in plain nodes and in async ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from tests.conftest import ROOT
from tests.e2e.postgres.cluster import cluster
from tests.protocols.following import all_events
from tests.stores.postgres.server import create_database

USER = ["users", "ada"]


class Node:
    """A graph's node, on one of the servers."""

    def __init__(self, client: httpx.Client, graph: str) -> None:
        self._client = client
        self._graph = graph

    def run(self, verb: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        body = {"input": {"verb": verb, "arguments": arguments, "options": options}}
        started = self._client.post(f"/{self._graph}/runs", json=body)
        assert started.status_code == 201, started.text
        path = f"/{self._graph}/runs/{started.json()['run_id']}"
        all_events(self._client, f"{path}/events")
        run: dict[str, Any] = self._client.get(path).raise_for_status().json()
        return run

    def do(self, verb: str, *arguments: Any, **options: Any) -> Any:
        run = self.run(verb, *arguments, **options)
        assert run["status"] == "success", run
        return run["output"].get("result")


@pytest.fixture(scope="module")
def url() -> str:
    return create_database()


@pytest.fixture(scope="module")
def clients(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[httpx.Client]]:
    config = ROOT / "tests" / "projects" / "memories" / "langgraph.json"
    with cluster(tmp_path_factory.mktemp("items"), config, url, {}) as servers:
        yield [servers.client(each) for each in servers.start(2)]


@pytest.fixture(params=["plain", "awaiting"])
def nodes(request: pytest.FixtureRequest, clients: list[httpx.Client]) -> tuple[Node, Node]:
    one, other = (Node(each, request.param) for each in clients)
    return one, other


def test_one_server_finds_what_the_other_has_put(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    one.do("put", USER, "drink", {"text": "tea", "n": 10})
    other.do("put", [*USER, "notes"], "weather", {"text": "rain", "n": 9})

    assert other.do("get", USER, "drink") == ["drink", {"text": "tea", "n": 10}]
    assert other.do("search", USER, filter={"n": {"$gt": 9}}) == [["drink", {"text": "tea", "n": 10}]]
    assert [key for key, _ in one.do("search", ["users"], query="rain")] == ["weather", "drink"]
    assert one.do("list_namespaces") == [USER, [*USER, "notes"]]
    other.do("delete", USER, "drink")
    one.do("delete", [*USER, "notes"], "weather")
    assert one.do("get", USER, "drink") is None
    assert other.do("search", []) == []


def test_a_long_value_comes_back_elsewhere(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    text = "é☕" * 100_000

    one.do("put", USER, "long", {"text": text})

    assert other.do("get", USER, "long") == ["long", {"text": text}]
    other.do("delete", USER, "long")


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("k", {"strange": "set"}, "isn't JSON"),
        ("k", {"strange": "deep"}, "isn't JSON"),
        ("k" * 3000, {}, "longer than"),
    ],
    ids=["set", "deep", "key"],
)
def test_what_cant_be_stored_fails_the_run_with_the_reason(
    nodes: tuple[Node, Node], key: str, value: dict[str, Any], why: str
) -> None:
    one, other = nodes

    run = one.run("put", USER, key, value)

    assert (run["status"], run["error"]["code"], run["error"]["retryable"]) == ("error", "graph_error", False)
    assert why in run["error"]["message"]
    assert other.do("search", []) == []


def test_a_store_that_fails_fails_the_run_which_may_be_tried_again(
    nodes: tuple[Node, Node], url: str
) -> None:
    one, _ = nodes
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE seltzer.store RENAME TO away")

        run = one.run("get", USER, "k")

        connection.execute("ALTER TABLE seltzer.away RENAME TO store")
    assert (run["status"], run["error"]["code"], run["error"]["retryable"]) == (
        "error",
        "storage_failed",
        True,
    )
    assert "seltzer.store" not in run["error"]["message"]
    assert one.do("get", USER, "k") is None
