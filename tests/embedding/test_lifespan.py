"""The lifespan: composed with an app's own, missing, and run again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.testclient import TestClient

from seltzer import Seltzer, add_routes, create_app
from seltzer.errors import DataInUse, LoadError
from seltzer.settings import Settings
from tests.embedding.graphs import saying
from tests.serving import write_graphs

QUESTION = {"input": "hi"}


def app_with_routes() -> FastAPI:
    app = FastAPI()
    add_routes(app, saying("hello"), path="/agent")
    return app


def app_with_a_mount() -> FastAPI:
    app = FastAPI()
    Seltzer({"agent": saying("hello")}).mount(app)
    return app


def app_with_a_router() -> FastAPI:
    app, router = FastAPI(), APIRouter()
    add_routes(router, saying("hello"), path="/agent")
    app.include_router(router)
    return app


def app_of_a_file() -> FastAPI:
    file = write_graphs(Path.cwd(), {"agent": HELLO})
    return create_app(Settings(_env_file=None, config=file))


HELLO = """
from tests.embedding.graphs import saying
graph = saying("hello")
"""
MAKE = [app_with_routes, app_with_a_mount, app_with_a_router, app_of_a_file]


@pytest.mark.parametrize("make", MAKE)
def test_an_app_is_opened_as_often_as_its_lifespan_runs(make: Any) -> None:
    app = make()

    answers = []
    for _ in range(3):
        with TestClient(app) as client:
            answers.append(client.post("/agent/invoke", json=QUESTION).json()["output"])
            threads = client.get("/agent/threads").json()["threads"]

    assert answers == ["hello", "hello", "hello"]
    assert len(threads) == 3  # what was stored before is there again


@pytest.mark.parametrize("make", MAKE)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/agent/invoke"),
        ("POST", "/agent/stream"),
        ("POST", "/agent/runs"),
        ("GET", "/agent/threads"),
    ],
)
def test_without_the_lifespan_each_request_is_answered_with_how_to_run_it(
    make: Any, method: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = TestClient(make())  # not entered

    responses = [client.request(method, path, json=QUESTION) for _ in range(2)]

    for response in responses:
        problem = response.json()
        assert (response.status_code, problem["code"]) == (503, "not_open")
        assert "with TestClient(app) as client:" in problem["detail"]
        assert response.headers["content-type"] == "application/problem+json"
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.getMessage() == problem["detail"]


def test_a_mounted_app_whose_lifespan_isnt_run_answers_with_the_reason() -> None:
    app = FastAPI()
    app.mount("/ai", app_with_routes())

    with TestClient(app) as client:
        problem = client.post("/ai/agent/invoke", json=QUESTION).json()

    assert problem["code"] == "not_open"
    assert "async with app.router.lifespan_context(app):" in problem["detail"]


def test_the_apps_own_lifespan_is_around_ours_and_keeps_its_state() -> None:
    opened: list[str] = []

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        opened.append("own")
        yield {"pool": "the app's own"}
        opened.remove("own")

    app = FastAPI(lifespan=own)

    @app.get("/pool")
    async def pool(request: Request) -> str:
        return str(request.state.pool)

    add_routes(app, saying("hello"), path="/agent")
    with TestClient(app) as client:
        assert client.get("/pool").json() == "the app's own"
        assert client.post("/agent/invoke", json=QUESTION).json()["output"] == "hello"
        assert opened == ["own"]
    assert opened == []


def test_a_lifespan_may_be_composed_by_hand() -> None:
    seltzer = Seltzer({"agent": saying("hello")})

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with seltzer.lifespan(app):
            yield

    app = FastAPI(lifespan=lifespan)
    seltzer.mount(app)

    for _ in range(2):
        with TestClient(app) as client:
            assert client.post("/agent/invoke", json=QUESTION).json()["output"] == "hello"


@pytest.mark.anyio
async def test_a_lifespan_entered_twice_ends_with_the_outer_one() -> None:
    seltzer = await anyio.to_thread.run_sync(lambda: Seltzer({"agent": saying("hello")}))
    app = FastAPI()
    seltzer.mount(app)

    def status() -> int:
        return TestClient(app).get("/ready").status_code

    async with seltzer.lifespan():
        async with seltzer.lifespan():
            pass
        within = await anyio.to_thread.run_sync(status)
    after = await anyio.to_thread.run_sync(status)

    assert (within, after) == (200, 503)


@pytest.mark.anyio
async def test_lifespans_may_be_entered_and_left_at_the_same_time() -> None:
    seltzer = await anyio.to_thread.run_sync(lambda: Seltzer({"agent": saying("hello")}))
    app = FastAPI()
    seltzer.mount(app)

    async def ready() -> int:
        async with seltzer.lifespan():
            return await anyio.to_thread.run_sync(lambda: TestClient(app).get("/ready").status_code)

    assert await asyncio.gather(*(ready() for _ in range(5))) == [200] * 5


def test_a_graph_that_cant_be_made_is_tried_again_when_the_lifespan_runs_again() -> None:
    tries = []

    async def make() -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("not yet")
        return saying("hello")

    app = FastAPI()
    Seltzer({"agent": make}).mount(app)

    with pytest.raises(LoadError, match="ConnectionError: not yet"), TestClient(app):
        pass
    with TestClient(app) as client:
        assert client.post("/agent/invoke", json=QUESTION).json()["output"] == "hello"


def test_a_second_event_loop_is_refused_while_the_first_runs() -> None:
    app = app_with_routes()

    with TestClient(app), pytest.raises(RuntimeError, match="already runs in another event loop"):
        TestClient(app).__enter__()

    with TestClient(app) as client:
        assert client.post("/agent/invoke", json=QUESTION).status_code == 200


def test_two_of_one_data_folder_are_refused_by_name(data: Path) -> None:
    app = FastAPI()
    Seltzer({"one": saying("1")}).mount(app, prefix="/one")
    Seltzer({"two": saying("2")}).mount(app, prefix="/two")

    with (
        pytest.raises(DataInUse, match=f"{data} is in use.*another Seltzer of this process"),
        TestClient(app),
    ):
        pass


def test_graphs_are_added_before_the_lifespan_begins() -> None:
    app = app_with_routes()

    with TestClient(app), pytest.raises(RuntimeError, match="has begun"):
        add_routes(app, saying("late"), path="/late")
