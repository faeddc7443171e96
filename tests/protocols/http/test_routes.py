"""Routes of ours in an app that isn't ours."""

import json
import logging
from collections.abc import AsyncIterator

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from seltzer.errors import ThreadBusy
from seltzer.guards import faults
from seltzer.guards.body import BodyLimits, BodyReader
from seltzer.guards.hosts import PageCheck
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.routes import Routes, public_path

GUARDS = Guards(faults, BodyReader(BodyLimits(100, 5, 8)), PageCheck(()))


def routes() -> Routes:
    """Return routes that answer, and that fail in each way there is."""
    ours = Routes(GUARDS, tags=["ours"])

    @ours.get("/name/{name}", summary="Answer with the name")
    async def name(request: Request, name: str) -> Response:
        return PlainTextResponse(f"{name} at {public_path(request.scope)}")

    @ours.post("/json")
    async def read(request: Request) -> Response:
        return Response(json.dumps(await GUARDS.bodies.read(request)))

    @ours.get("/busy")
    async def busy(request: Request) -> Response:
        raise ThreadBusy("run 'r' is writing")

    @ours.get("/odd")
    async def odd(request: Request) -> Response:
        raise ZeroDivisionError("a secret")

    @ours.get("/breaks")
    async def breaks(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            raise ZeroDivisionError("a secret")
            yield b""

        return StreamingResponse(body())

    return ours


def owners_app() -> FastAPI:
    """Return an app with a route and an error handler of its own."""
    app = FastAPI()

    @app.get("/theirs")
    async def theirs() -> str:
        return "theirs"

    @app.get("/their-error")
    async def their_error() -> None:
        raise HTTPException(400, "their own")

    return app


def test_they_are_served_and_documented_under_a_prefix() -> None:
    app = owners_app()
    app.include_router(routes(), prefix="/ai")
    client = TestClient(app)

    described = app.openapi()["paths"]["/ai/name/{name}"]["get"]

    assert client.get("/ai/name/me").text == "me at /ai/name/me"
    assert client.post("/ai/json", json=[1]).json() == [1]
    assert (described["summary"], described["tags"]) == ("Answer with the name", ["ours"])
    assert [each["name"] for each in described["parameters"]] == ["name"]


@pytest.mark.parametrize("root_path", ["", "/proxy"])
def test_a_path_is_named_as_the_client_sees_it(root_path: str) -> None:
    app, inner = FastAPI(), FastAPI()
    inner.include_router(routes(), prefix="/v 1")
    app.mount("/ai", inner)

    assert (
        TestClient(app, root_path=root_path).get(f"{root_path}/ai/v 1/name/é").text
        == f"é at {root_path}/ai/v%201/name/%C3%A9"
    )


def test_their_errors_are_problems_and_the_owners_stay_the_owners(caplog: pytest.LogCaptureFixture) -> None:
    app = owners_app()
    app.include_router(routes())
    client = TestClient(app)

    busy, odd, refused, breaks = (
        client.get("/busy"),
        client.get("/odd"),
        client.post("/json", content="[", headers={"content-type": "application/json"}),
        client.get("/breaks"),
    )

    assert [busy.json()["code"], odd.json()["code"], refused.json()["code"]] == [
        "thread_busy", "internal_error", "bad_request",
    ]  # fmt: skip
    assert (busy.status_code, odd.status_code, refused.status_code) == (409, 500, 400)
    assert all(each.json()["request_id"] == each.headers["x-request-id"] for each in (busy, odd, refused))
    assert breaks.content == b""
    assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == 2
    assert client.get("/their-error").json() == {"detail": "their own"}
    assert "x-request-id" not in client.get("/theirs").headers
    assert client.get("/nowhere").json() == {"detail": "Not Found"}


def test_the_owners_dependencies_run_before_the_body_is_read() -> None:
    order = []

    async def refuse(request: Request) -> None:
        order.append("dependency")
        raise HTTPException(401, "who are you?")

    app = owners_app()
    app.include_router(routes(), dependencies=[Depends(refuse)])
    refused = TestClient(app).post("/json", content=b"not read", headers={"content-type": "text/plain"})

    assert (refused.status_code, refused.json()) == (401, {"detail": "who are you?"})
    assert order == ["dependency"]


def test_a_dependency_may_read_the_body_and_leave_tasks_for_later() -> None:
    done: list[bytes] = []

    async def look(request: Request, tasks: BackgroundTasks) -> None:
        body = await request.body()
        tasks.add_task(done.append, body)

    app = FastAPI(dependencies=[Depends(look)])
    app.include_router(routes())

    assert TestClient(app).post("/json", json={"a": 1}).json() == {"a": 1}
    assert done == [b'{"a":1}']


def test_a_dependencys_resource_is_open_until_the_response_is_sent() -> None:
    order = []

    async def opened() -> AsyncIterator[None]:
        order.append("open")
        yield
        order.append("close")

    ours = Routes(GUARDS)

    @ours.get("/stream")
    async def stream(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            order.append("send")
            yield b"x"

        return StreamingResponse(body())

    app = FastAPI()
    app.include_router(ours, dependencies=[Depends(opened)])

    assert TestClient(app).get("/stream").text == "x"
    assert order == ["open", "send", "close"]
