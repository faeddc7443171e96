"""A run's log, with its times, and the process's counters, over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.conftest import Serve
from tests.patience import PATIENCE_S
from tests.protocols.following import all_events, following
from tests.replies import Reply
from tests.serving import Served
from tests.upstream import Upstream


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        yield client


def start(client: httpx.Client, thread_id: str, **body: Any) -> str:
    """Start a run, and return the path of its routes."""
    response = client.post("/llm/runs", json={"input": "hi", "thread_id": thread_id, **body})
    assert response.status_code == 201, response.text
    return f"/llm/runs/{response.json()['run_id']}"


def ended(client: httpx.Client, thread_id: str) -> str:
    """Run to the end."""
    path = start(client, thread_id)
    all_events(client, f"{path}/events")
    return path


def logged(client: httpx.Client, path: str, **query: Any) -> dict[str, Any]:
    response = client.get(f"{path}/log", params=query)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_the_log_has_what_readers_got_and_when(client: httpx.Client, thread_id: str) -> None:
    path = ended(client, thread_id)
    seen = all_events(client, f"{path}/events")
    run = client.get(path).json()

    page = logged(client, path)

    assert (page["run_id"], page["created_at"]) == (run["run_id"], run["created_at"])
    assert [(each["id"], each["kind"], each["data"]) for each in page["events"]] == [
        (each.id, each.kind, each.data) for each in seen
    ]
    assert all(each["id"] == f"{each['attempt']}-{each['seq']}" for each in page["events"])
    times = [each["at"] for each in page["events"]]
    assert all(type(each) is int and each >= 0 for each in times)
    assert times == sorted(times)
    assert times[-1] >= seen[-1].data["duration_ms"] - 1
    assert page["next_after"] is None


def test_its_pages_are_all_of_it(client: httpx.Client, thread_id: str) -> None:
    path = ended(client, thread_id)
    whole, parts = logged(client, path)["events"], []
    query: dict[str, Any] = {}

    while True:
        page = logged(client, path, limit=2, **query)
        parts += page["events"]
        if page["next_after"] is None:
            break
        query = {"after": page["next_after"]}

    assert parts == whole
    assert logged(client, path, after=whole[-1]["id"])["events"] == []
    assert logged(client, path, after=whole[-2]["id"])["events"] == whole[-1:]


def test_its_pieces_can_be_joined(upstream_env: Upstream, client: httpx.Client, thread_id: str) -> None:
    upstream_env.script([Reply(text=["one ", "two ", "three"])])
    path = ended(client, thread_id)
    whole = logged(client, path)["events"]

    first = logged(client, path, joined="true", limit=3)
    rest = logged(client, path, joined="true", after=first["next_after"])

    pieces = [each for each in whole if each["kind"] == "token"]
    *before, token = first["events"]
    assert before == whole[:2]
    assert token == {
        **pieces[0],
        "id": pieces[-1]["id"],
        "seq": pieces[-1]["seq"],
        "data": {**pieces[0]["data"], "text": "one two three"},
    }
    assert rest["events"] == whole[whole.index(pieces[-1]) + 1 :]
    assert logged(client, path, joined="false")["events"] == whole


def test_a_page_of_long_events_ends_before_its_limit(serve: Serve, thread_id: str) -> None:
    served = serve(page_limit_bytes=1)
    with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client:
        path = ended(client, thread_id)

        first = logged(client, path)
        second = logged(client, path, after=first["next_after"])

    assert [each["id"] for each in (*first["events"], *second["events"])] == ["1-1", "1-2"]


def test_an_active_run_has_what_is_stored_so_far(
    upstream_env: Upstream, client: httpx.Client, thread_id: str
) -> None:
    upstream_env.script([Reply(text=["one ", "two ", "three"], breaks="silence", after=2)])
    path = start(client, thread_id)
    with following(client, f"{path}/events") as seen:
        while next(seen).kind != "token":
            pass
        page = logged(client, path)
        while not any(each["kind"] == "token" for each in page["events"]):  # the log lags behind its readers
            page = logged(client, path)
        upstream_env.resume()
        list(seen)

    assert page["next_after"] is None
    assert page["events"][0]["kind"] == "started"
    rest = logged(client, path, after=page["events"][-1]["id"])["events"]
    assert [*page["events"], *rest] == logged(client, path)["events"]


def test_a_run_that_never_began_has_an_empty_log(
    upstream_env: Upstream, client: httpx.Client, thread_id: str
) -> None:
    upstream_env.script([Reply(text=["one ", "two"], breaks="silence", after=1)])
    first = start(client, thread_id)
    waiting = start(client, thread_id, on_busy="enqueue")
    before, counted = logged(client, waiting), client.get("/info/live").json()
    client.post(f"{waiting}/cancel")
    after = logged(client, waiting)
    client.post(f"{first}/cancel")
    all_events(client, f"{first}/events")

    (shown, _) = client.get("/runs", params={"thread_id": thread_id}).json()["runs"]

    assert (before["events"], before["next_after"]) == ([], None)
    assert [(each["kind"], each["at"]) for each in after["events"]] == [("cancelled", None)]
    assert (shown["status"], shown["started_at"], shown["duration_ms"]) == ("cancelled", None, None)
    assert (shown["first_token_ms"], shown["tokens"], shown["usage"]) == (None, None, None)
    assert shown["ended_at"] is not None
    assert counted["runs"]["running"] >= 1
    assert counted["runs"]["pending"] >= 1


def test_expired_events_are_410(serve: Serve, thread_id: str) -> None:
    served = serve(retention_s=0.001)
    with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client:
        path = start(client, thread_id)
        while client.get(path).json()["status"] in ("pending", "running"):
            pass
        response = client.get(f"{path}/log")
        while response.status_code == 200:  # until the time is over
            response = client.get(f"{path}/log")
        (shown,) = client.get("/runs").json()["runs"]

    assert refusal(response) == (410, "stream_gap")
    assert shown["tokens"] > 0


def test_a_run_that_is_unknown_or_deleted_has_no_log(client: httpx.Client, thread_id: str) -> None:
    path = ended(client, thread_id)

    assert refusal(client.get(path.replace("/llm/", "/agent/") + "/log")) == (404, "unknown_run")
    assert refusal(client.get("/llm/runs/none/log")) == (404, "unknown_run")
    assert refusal(client.get("/none/runs/none/log")) == (404, "unknown_graph")
    client.delete(f"/llm/threads/{thread_id}")
    assert refusal(client.get(f"{path}/log")) == (404, "unknown_run")
    assert client.get("/runs", params={"thread_id": thread_id}).json() == {"runs": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("after=x", 400, "invalid_cursor"),
        ("after=", 400, "invalid_cursor"),
        ("after=1-100000", 400, "invalid_cursor"),
        ("after=2-1", 400, "invalid_cursor"),
        ("limit=0", 422, "invalid_input"),
        ("limit=10001", 422, "invalid_input"),
        ("limit=", 422, "invalid_input"),
        ("before=1-1", 422, "invalid_input"),
        ("joined=1", 422, "invalid_input"),
    ],
)
def test_a_wrong_query_is_refused(
    client: httpx.Client, thread_id: str, query: str, status: int, code: str
) -> None:
    assert refusal(client.get(f"{ended(client, thread_id)}/log?{query}")) == (status, code)


def test_an_empty_server_has_no_runs(serve: Serve) -> None:
    served = serve()

    with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client:
        assert client.get("/runs").json() == {"runs": [], "next_cursor": None}
        assert client.get("/agent/runs").json() == {"runs": [], "next_cursor": None}
        live = client.get("/info/live").json()

    assert live == {
        "runs": {"running": 0, "pending": 0},
        "streams": 0,
        "tokens": 0,
        "started_at": live["started_at"],
        "now": live["now"],
    }
    assert datetime.fromisoformat(live["started_at"]) <= datetime.fromisoformat(live["now"])


def test_streams_are_counted_as_they_open_and_close_and_tokens_as_they_come(
    upstream_env: Upstream, serve: Serve, thread_id: str
) -> None:
    upstream_env.script([Reply(text=["one ", "two ", "three"], breaks="silence", after=2)])
    served = serve()
    with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client:
        path = start(client, thread_id)
        with following(client, f"{path}/events") as first, following(client, f"{path}/events") as second:
            for seen in (first, second):
                while next(seen).kind != "token":
                    pass
            during = client.get("/info/live").json()
            upstream_env.resume()
            events = list(first)
            list(second)
        after = client.get("/info/live").json()
        while after["streams"]:  # a reader's end reaches the server a moment later
            after = client.get("/info/live").json()
        logged_tokens = sum(each["kind"] == "token" for each in logged(client, path)["events"])

    assert (during["runs"]["running"], during["streams"]) == (1, 2)
    assert 1 <= during["tokens"] <= after["tokens"] == logged_tokens
    assert (after["runs"], events[-1].kind) == ({"running": 0, "pending": 0}, "finished")


def test_info_has_the_limits_of_attachments(serve: Serve) -> None:
    served = serve(attachment_limit_bytes=1_000, attachments_limit_bytes=3_000)

    info = httpx.get(f"{served.url}/info", timeout=PATIENCE_S).json()

    assert info["attachments"] == {"limit_bytes": 1_000, "together_bytes": 3_000}
