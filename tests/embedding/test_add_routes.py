"""add_routes, by the arguments of LangServe's."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from fastapi.testclient import TestClient

from seltzer import add_routes
from tests.embedding.graphs import asking, naming_its_user, saying

QUESTION = {"input": "hi"}


def test_a_graph_has_threads_runs_and_resume() -> None:
    app = FastAPI()
    add_routes(app, asking(), path="/api/drinks")

    with TestClient(app) as client:
        run = client.post("/api/drinks/runs", json={**QUESTION, "thread_id": "ada"})
        client.get(f"{run.headers['location']}/events")
        answered = client.post(f"{run.headers['location']}/resume", json={"resume": "tea"})
        client.get(f"{answered.headers['location']}/events")
        state = client.get("/api/drinks/threads/ada").json()

    assert answered.status_code == 201
    assert run.headers["location"].startswith("/api/drinks/runs/")
    assert "you chose tea" in str(state)


def test_a_router_is_served_under_its_own_prefix() -> None:
    app, router = FastAPI(), APIRouter(prefix="/v1")
    add_routes(router, saying("hello"), path="/agent")
    app.include_router(router, prefix="/api")

    with TestClient(app) as client:
        assert client.post("/api/v1/agent/invoke", json=QUESTION).json()["output"] == "hello"
        location = client.post("/api/v1/agent/runs", json=QUESTION).headers["location"]
        assert client.get(location).status_code == 200
        assert "/api/v1/agent/playground/" in client.get("/api/v1/agent/playground/").text


async def _check_key(x_key: str = Header("")) -> None:
    if x_key != "right":
        raise HTTPException(401, "the app's own refusal")


def _check_key_in(config: dict[str, Any], request: Request) -> dict[str, Any]:
    if request.headers.get("x-key") != "right":
        raise HTTPException(401, "the app's own refusal")
    return {"configurable": {**config["configurable"], "user": "ada"}}


@pytest.mark.parametrize(
    "guarding",
    [{"dependencies": [Depends(_check_key)]}, {"per_req_config_modifier": _check_key_in}],
    ids=["dependency", "modifier"],
)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/agent/invoke", QUESTION),
        ("POST", "/agent/batch", {"inputs": ["hi"]}),
        ("POST", "/agent/batch", {"inputs": []}),
        ("POST", "/agent/stream", QUESTION),
        ("POST", "/agent/stream_events", QUESTION),
        ("POST", "/agent/chat/stream_log", QUESTION),
        ("POST", "/agent/runs", QUESTION),
        ("GET", "/agent/runs/any", None),
        ("GET", "/agent/threads", None),
        ("DELETE", "/agent/threads/any", None),
    ],
)
def test_what_the_owner_refuses_becomes_no_run(
    guarding: dict[str, Any], method: str, path: str, body: Any
) -> None:
    app = FastAPI()
    add_routes(app, saying("hello"), path="/agent", **guarding)

    with TestClient(app) as client:
        refused = client.request(method, path, json=body)
        threads = client.get("/agent/threads", headers={"x-key": "right"}).json()["threads"]

    assert (refused.status_code, refused.json()["detail"]) == (401, "the app's own refusal")
    assert threads == []


def test_what_a_modifier_adds_the_graph_finds_on_every_way() -> None:
    app = FastAPI()
    add_routes(app, naming_its_user(), path="/agent", per_req_config_modifier=_check_key_in)

    with TestClient(app, headers={"x-key": "right"}) as client:
        assert client.post("/agent/invoke", json=QUESTION).json()["output"] == "you are ada"
        assert "you are ada" in client.post("/agent/stream", json=QUESTION).text
        run = client.post("/agent/runs", json=QUESTION, headers={"accept": "text/event-stream"})
        assert "you are ada" in run.text


def test_endpoints_and_the_playground_are_chosen() -> None:
    app = FastAPI()
    add_routes(app, saying("hello"), path="/one", disabled_endpoints=["batch", "playground"])
    add_routes(app, saying("hello"), path="/two", playground_type="chat")

    with TestClient(app) as client:
        assert client.post("/one/invoke", json=QUESTION).status_code == 200
        assert client.post("/one/batch", json={"inputs": ["hi"]}).status_code == 404
        assert client.get("/one/playground/").status_code == 404
        assert "Chat Playground" in client.get("/two/playground/").text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_type", str),
        ("output_type", str),
        ("config_keys", ("configurable", "metadata")),
        ("include_callback_events", True),
        ("enable_feedback_endpoint", True),
        ("token_feedback_config", {"key_configs": []}),
        ("enable_public_trace_link_endpoint", True),
        ("stream_log_name_allow_list", ["a"]),
        ("astream_events_version", "v1"),
        ("serializer", object()),
        ("misspelt", 1),
    ],
)
def test_an_argument_that_isnt_honoured_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=name):
        add_routes(FastAPI(), saying("hello"), path="/agent", **{name: value})


def test_langserves_defaults_are_accepted() -> None:
    app = FastAPI()
    add_routes(app, saying("hello"), path="/agent", input_type="auto", config_keys=["configurable"])

    with TestClient(app) as client:
        assert client.post("/agent/invoke", json=QUESTION).status_code == 200


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("agent", "has to start with a slash"),
        ("/agent", "already served at '/agent'"),
        ("/other/agent", "there is a graph 'agent' already"),
    ],
)
def test_a_path_or_name_in_use_is_refused(path: str, reason: str) -> None:
    app = FastAPI()
    add_routes(app, saying("hello"), path="/agent")

    with pytest.raises(ValueError, match=reason):
        add_routes(app, saying("hello"), path=path)


async def _made_later() -> Any:
    return saying("made in the server's loop")


def test_a_graph_may_be_made_by_an_async_function() -> None:
    app = FastAPI()
    add_routes(app, _made_later, path="/agent")

    for _ in range(2):
        with TestClient(app) as client:
            answer = client.post("/agent/invoke", json=QUESTION).json()
            assert answer["output"] == "made in the server's loop"


def test_the_apps_own_errors_and_docs_stay_its_own() -> None:
    app = FastAPI(title="Theirs")
    add_routes(app, saying("hello"), path="/agent")

    @app.get("/items/{number}")
    async def item(number: int) -> int:
        return number

    with TestClient(app) as client:
        assert client.get("/nowhere").json() == {"detail": "Not Found"}
        assert client.get("/items/x").json()["detail"][0]["loc"] == ["path", "number"]
        assert client.get("/agent/runs/none").json()["code"] == "unknown_run"
        assert client.get("/openapi.json").json()["info"]["title"] == "Theirs"
