"""What the owner of an app asks of a graph's requests: no other route gets around it."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from fastapi.testclient import TestClient

from seltzer import Seltzer, add_routes
from tests.embedding.graphs import saying

QUESTION = {"input": "hi"}
KEY = {"x-key": "right"}


async def _check_key(x_key: str = Header("")) -> None:
    if x_key != "right":
        raise HTTPException(401, "the app's own refusal")


def _check_key_in(config: dict[str, Any], request: Request) -> dict[str, Any]:
    if request.headers.get("x-key") != "right":
        raise HTTPException(401, "the app's own refusal")
    return config


GUARDS: list[dict[str, Any]] = [
    {"dependencies": [Depends(_check_key)]},
    {"per_req_config_modifier": _check_key_in},
    {"disabled_endpoints": ["stream"]},
]


@pytest.mark.parametrize("guard", GUARDS, ids=["dependency", "modifier", "disabled"])
def test_chat_asks_only_graphs_without_guards_of_their_own(guard: dict[str, Any]) -> None:
    app, seltzer = FastAPI(), Seltzer({"agent": saying("secret"), "other": saying("open")})
    add_routes(app, seltzer.graphs["agent"], path="/agent", seltzer=seltzer, **guard)
    seltzer.mount(app)

    with TestClient(app, headers=KEY) as client:
        refused = client.post("/chat", json={"text": "hi", "graph": "agent"})
        by_default = client.get("/chat", params={"text": "hi"})
        shown = client.get("/").json()["graphs"]
        known = client.get("/info").json()["graphs"]

    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_graph")
    assert by_default.text == "open"
    assert [graph["name"] for graph in shown] == ["other"]
    assert {graph["name"]: graph["path"] for graph in known} == {"agent": "/agent", "other": "/other"}


@pytest.mark.parametrize(
    "guard",
    [*GUARDS, {"disabled_endpoints": ["runs"]}],
    ids=["dependency", "modifier", "disabled", "no runs"],
)
def test_only_runs_of_graphs_without_guards_of_their_own_are_listed(guard: dict[str, Any]) -> None:
    app, seltzer = FastAPI(), Seltzer({"agent": saying("secret"), "other": saying("open")})
    add_routes(app, seltzer.graphs["agent"], path="/agent", seltzer=seltzer, **guard)
    seltzer.mount(app)

    with TestClient(app, headers=KEY) as client:
        for graph in ("agent", "other"):
            assert client.post(f"/{graph}/invoke", json=QUESTION).status_code == 200
        listed = [
            client.get(path).json()["runs"] for path in ("/runs", "/runs?graph=other", "/runs?graph=agent")
        ]

    assert [[run["graph"] for run in runs] for runs in listed] == [["other"], ["other"], []]


def test_a_graph_with_routes_in_a_router_is_not_mounted_without_its_guards() -> None:
    app, router, seltzer = FastAPI(), APIRouter(), Seltzer({"agent": saying("secret")})
    add_routes(
        router, seltzer.graphs["agent"], path="/agent", seltzer=seltzer, dependencies=[Depends(_check_key)]
    )
    app.include_router(router, prefix="/v1")
    seltzer.mount(app)

    with TestClient(app) as client:
        assert client.post("/agent/invoke", json=QUESTION).status_code == 404
        assert client.post("/agent/runs", json=QUESTION).status_code == 404
        assert client.post("/chat", json={"text": "hi"}).json()["code"] == "unknown_graph"
        assert client.post("/v1/agent/invoke", json=QUESTION).status_code == 401
        assert client.post("/v1/agent/invoke", json=QUESTION, headers=KEY).json()["output"] == "secret"


def test_guards_that_come_after_the_mount_are_refused() -> None:
    app, seltzer = FastAPI(), Seltzer({"agent": saying("hello")})
    seltzer.mount(app)

    with pytest.raises(ValueError, match=r"call add_routes\(\) before mount\(\)"):
        add_routes(
            app, seltzer.graphs["agent"], path="/safe", seltzer=seltzer, dependencies=[Depends(_check_key)]
        )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/ai/chat", {"text": "hi"}),
        ("GET", "/ai/info", None),
        ("GET", "/ai/", None),
        ("POST", "/ai/agent/invoke", QUESTION),
        ("POST", "/ai/agent/runs", QUESTION),
    ],
)
def test_a_mount_has_dependencies(method: str, path: str, body: Any) -> None:
    app, seltzer = FastAPI(), Seltzer({"agent": saying("hello")})
    seltzer.mount(app, prefix="/ai", dependencies=[Depends(_check_key)])

    with TestClient(app) as client:
        refused = client.request(method, path, json=body)
        answered = client.request(method, path, json=body, headers=KEY)
        probes = [client.get("/ai/health").status_code, client.get("/ai/ready").status_code]

    assert (refused.status_code, refused.json()["detail"]) == (401, "the app's own refusal")
    assert answered.is_success
    assert probes == [200, 200]


def _by_user(config: dict[str, Any], request: Request) -> dict[str, Any]:
    """Give each user threads of their own, as an app does that was made for LangServe."""
    user, thread = request.headers["x-user"], config["configurable"]["thread_id"]
    thread = thread if thread.startswith(f"{user}:") else f"{user}:{thread}"
    return {"configurable": {**config["configurable"], "thread_id": thread}}


def test_a_modifier_that_chooses_the_thread_closes_the_others() -> None:
    app = FastAPI()
    add_routes(app, saying("hello"), path="/agent", per_req_config_modifier=_by_user)

    with TestClient(app) as client:
        ada, bob = {"x-user": "ada"}, {"x-user": "bob"}
        run = client.post("/agent/runs", json={**QUESTION, "thread_id": "one"}, headers=ada)
        path, thread = run.headers["location"], f"/agent/threads/{run.headers['x-thread-id']}"
        own = [client.get(each, headers=ada).status_code for each in (path, f"{path}/events", thread)]
        others = [
            client.request(method, each, json=body, headers=bob)
            for method, each, body in (
                ("GET", path, None),
                ("GET", f"{path}/events", None),
                ("GET", f"{path}/log", None),
                ("POST", f"{path}/cancel", None),
                ("POST", f"{path}/resume", {"resume": "yes"}),
                ("GET", thread, None),
                ("GET", f"{thread}/history", None),
                ("GET", f"{thread}/turns", None),
                ("PATCH", thread, {"title": "mine"}),
                ("DELETE", thread, None),
                ("GET", "/agent/threads", None),
                ("GET", "/agent/runs", None),
            )
        ]
        assert client.get("/agent/graph", headers=bob).status_code == 200
        assert client.post("/agent/batch", json={"inputs": []}, headers=bob).status_code == 200

    assert run.headers["x-thread-id"] == "ada:one"
    assert own == [200, 200, 200]
    codes = [(each.status_code, each.json()["code"]) for each in others]
    assert codes == [(404, "unknown_run")] * 5 + [(404, "unknown_thread")] * 5 + [(404, "not_found")] * 2


@pytest.mark.parametrize(
    ("options", "there", "gone"),
    [
        ({"enabled_endpoints": ["invoke"]}, ["/invoke"], ["/runs", "/threads", "/graph", "/stream"]),
        ({"enabled_endpoints": ["runs"]}, ["/runs"], ["/invoke", "/threads", "/graph"]),
        ({"disabled_endpoints": ["threads", "graph"]}, ["/invoke", "/runs"], ["/threads", "/graph"]),
    ],
)
def test_native_routes_are_endpoints_that_can_be_left_out(
    options: dict[str, Any], there: list[str], gone: list[str]
) -> None:
    app = FastAPI()
    add_routes(app, saying("hello"), path="/agent", **options)

    with TestClient(app) as client:
        for path in there:
            assert client.post(f"/agent{path}", json=QUESTION).is_success
        for path in gone:
            assert client.post(f"/agent{path}", json=QUESTION).status_code == 404
            assert client.get(f"/agent{path}").status_code == 404
