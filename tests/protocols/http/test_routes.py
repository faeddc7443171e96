"""Plain routes: what they take, and that they are the app's own in all that is seen of them."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse, Response

from seltzer.protocols.http.routes import PlainRoute, add_routes


def sync(request: Request) -> Response:
    return Response()


async def with_a_parameter(request: Request, name: str) -> Response:
    return Response()


async def without_a_request() -> Response:
    return Response()


async def with_another_parameter(name: str) -> Response:
    return Response()


@pytest.mark.parametrize("endpoint", [sync, with_a_parameter, without_a_request, with_another_parameter])
def test_an_endpoint_that_is_not_plain_is_refused(endpoint: Callable[..., Any]) -> None:
    router = APIRouter(route_class=PlainRoute)

    with pytest.raises(TypeError, match="/x"):
        router.get("/x")(endpoint)


def test_dependencies_are_refused() -> None:
    async def plain(request: Request) -> Response:
        return Response()

    router = APIRouter(route_class=PlainRoute, dependencies=[Depends(sync)])

    with pytest.raises(TypeError, match="/x"):
        router.get("/x")(plain)


def test_routes_that_are_added_are_served_and_documented() -> None:
    app, router = FastAPI(), APIRouter(route_class=PlainRoute, tags=["it"])

    @router.get("/x/{name}", summary="Say the name")
    async def send(request: Request) -> Response:
        return PlainTextResponse(request.path_params["name"])

    add_routes(app, router)
    client = TestClient(app)

    assert client.get("/x/me").text == "me"
    assert (client.post("/x/me").status_code, client.post("/x/me").headers["allow"]) == (405, "GET")
    told = app.openapi()["paths"]["/x/{name}"]["get"]
    assert (told["summary"], told["tags"]) == ("Say the name", ["it"])
