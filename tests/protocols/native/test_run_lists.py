"""Lists of runs, over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.serving import Served

SECRET = "never in a list"


@pytest.fixture
def client(demo_server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo_server.url, timeout=PATIENCE_S) as client:
        yield client


def run(client: httpx.Client, thread_id: str, graph: str = "llm") -> dict[str, Any]:
    """Run to the end, and return the run as it began."""
    body = {"input": f"hi, {SECRET}", "thread_id": thread_id}
    begun: dict[str, Any] = client.post(f"/{graph}/runs", json=body).json()
    all_events(client, f"/{graph}/runs/{begun['run_id']}/events")
    return begun


def listed(client: httpx.Client, path: str = "/runs", **query: Any) -> dict[str, Any]:
    response = client.get(path, params=query)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def ids(page: dict[str, Any]) -> list[str]:
    return [each["run_id"] for each in page["runs"]]


def test_an_ended_run_is_shown_with_what_it_took(client: httpx.Client, thread_id: str) -> None:
    begun = run(client, thread_id)
    events = all_events(client, f"/llm/runs/{begun['run_id']}/events")

    page = listed(client, thread_id=thread_id)

    (shown,) = page["runs"]
    created_at, started_at, ended_at = (
        datetime.fromisoformat(shown.pop(name)) for name in ("created_at", "started_at", "ended_at")
    )
    assert created_at <= started_at <= ended_at
    assert 0 <= shown.pop("first_token_ms") <= shown["duration_ms"]
    assert shown == {
        "run_id": begun["run_id"],
        "graph": "llm",
        "thread_id": thread_id,
        "status": "success",
        "attempt": 1,
        "duration_ms": shown["duration_ms"],
        "tokens": sum(each.kind == "token" for each in events),
        "usage": events[-1].data["usage"],
        "error": None,
    }
    assert page["next_cursor"] is None


def test_a_graphs_list_has_its_own_runs(client: httpx.Client, thread_id: str) -> None:
    first, second = run(client, thread_id), run(client, thread_id, "agent")

    both = listed(client, thread_id=thread_id)

    assert ids(both) == [second["run_id"], first["run_id"]]
    for graph, mine in (("llm", first), ("agent", second)):
        assert ids(listed(client, f"/{graph}/runs", thread_id=thread_id)) == [mine["run_id"]]
        assert ids(listed(client, thread_id=thread_id, graph=graph)) == [mine["run_id"]]
    assert SECRET not in str(both)


def test_pages_follow_one_another(client: httpx.Client, thread_id: str) -> None:
    begun = [run(client, thread_id)["run_id"] for _ in range(3)]
    seen: list[str] = []
    cursor: dict[str, str] = {}

    while True:
        page = listed(client, thread_id=thread_id, limit=2, **cursor)
        seen += ids(page)
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert seen == begun[::-1]


def test_a_cursor_may_be_another_filters(client: httpx.Client, thread_id: str) -> None:
    older, newer = run(client, thread_id), run(client, thread_id)
    page = listed(client, graph="llm", limit=1, status="success")

    rest = listed(client, "/llm/runs", thread_id=thread_id, cursor=page["next_cursor"])

    assert [*ids(page), *ids(rest)] == [newer["run_id"], older["run_id"]]


def test_an_edit_of_a_thread_is_a_run_without_an_attempts_figures(
    client: httpx.Client, thread_id: str
) -> None:
    run(client, thread_id)
    body = {"values": {"messages": [{"role": "user", "content": "more"}]}}
    assert client.post(f"/llm/threads/{thread_id}/state", json=body).is_success

    edit, _ = listed(client, thread_id=thread_id)["runs"]

    assert (edit["status"], edit["error"]) == ("success", None)
    assert [edit[name] for name in ("duration_ms", "first_token_ms", "tokens", "usage")] == [None] * 4
    assert edit["ended_at"] is not None


def test_statuses_may_be_repeated_or_joined_by_commas(client: httpx.Client, thread_id: str) -> None:
    begun = run(client, thread_id)

    found = [
        client.get("/runs", params=[("thread_id", thread_id), *[("status", each) for each in given]]).json()
        for given in (["success", "error"], ["pending,success"], ["running", "pending,success"], ["error"])
    ]

    assert [ids(page) for page in found] == [[begun["run_id"]]] * 3 + [[]]


def test_an_unknown_graph_has_no_runs_and_no_list(client: httpx.Client) -> None:
    assert listed(client, graph="none") == {"runs": [], "next_cursor": None}
    response = client.get("/none/runs")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_graph")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("status=", "status"),
        ("status=success,", "status"),
        ("status=success&status=done", "status"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=%2B5", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=-1", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=9999999999999999999", "cursor"),
        ("thread_id=", "thread_id"),
        ("thread_id=%00", "thread_id"),
        ("thread=t", "thread"),
    ],
)
@pytest.mark.parametrize("path", ["/runs", "/llm/runs"])
def test_a_wrong_filter_is_422_by_its_field(client: httpx.Client, path: str, query: str, field: str) -> None:
    response = client.get(f"{path}?{query}")

    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")
    assert response.json()["detail"].startswith(field)


@pytest.mark.parametrize(("query", "field"), [("graph=", "graph"), ("graph=%00", "graph")])
def test_a_wrong_graph_is_422(client: httpx.Client, query: str, field: str) -> None:
    response = client.get(f"/runs?{query}")

    assert response.status_code == 422
    assert response.json()["detail"].startswith(field)
    assert client.get("/llm/runs?graph=llm").status_code == 422
