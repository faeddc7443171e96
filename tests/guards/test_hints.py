"""What a 404 adds: what is there instead."""

import httpx
import pytest

from seltzer.guards.hints import nothing_at
from tests.patience import PATIENCE_S
from tests.serving import Served

THERE = ["/agent", "/approval", "/graphs/store", "/chat", "/docs"]


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("/agnet/invoke", "/agent/invoke"),
        ("/agent/", "/agent"),
        ("/Agent/runs/1/events", "/agent/runs/1/events"),
        ("/cha", "/chat"),
        ("/graph/store/stream", "/graphs/store/stream"),
        ("/agents", "/agent"),
    ],
)
def test_the_nearest_address_is_given(path: str, nearest: str) -> None:
    assert f"; is it {nearest!r}?; there are /agent, " in nothing_at(path, THERE)


@pytest.mark.parametrize("path", ["/", "/zzz", "/agent/nothing", "", "/" + "x" * 5000])
def test_nothing_is_guessed_where_nothing_is_near(path: str) -> None:
    shown = nothing_at(path, THERE)

    assert "is it" not in shown
    assert shown.endswith("; there are /agent, /approval, /graphs/store, /chat, /docs")
    assert len(shown) < 400


def test_a_long_list_is_cut() -> None:
    assert nothing_at("/zzz", [f"/graph-{number}" for number in range(50)]).endswith("/graph-9, ..")


def test_an_unknown_path_of_a_server_is_a_problem_with_its_graphs(server: Served) -> None:
    answer = httpx.post(f"{server.url}/agnet/invoke", json={"input": "hi"}, timeout=PATIENCE_S)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not_found"
    assert "is it '/agent/invoke'?; there are /agent, " in answer.json()["detail"]


def test_an_unknown_thread_is_a_problem_with_where_they_are_listed(server: Served) -> None:
    answer = httpx.get(f"{server.url}/agent/threads/nope/history", timeout=PATIENCE_S)

    assert answer.json()["code"] == "unknown_thread"
    assert answer.json()["detail"].endswith("no thread 'nope'; GET /agent/threads lists those there are")


def test_an_unknown_graph_is_a_problem_with_those_there_are(server: Served) -> None:
    answer = httpx.get(f"{server.url}/nope/threads", timeout=PATIENCE_S)

    assert answer.json()["code"] == "unknown_graph"
    assert "there are agent, " in answer.json()["detail"]
