"""What the pages of other origins may do, and read."""

from __future__ import annotations

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from seltzer.guards.cors import EXPOSED, CrossOrigin
from seltzer.guards.faults import Boundary
from seltzer.guards.hosts import HostGuard

HERE = "http://127.0.0.1:8000"
SHOP = "https://shop.example.org"


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/broken":
        raise LookupError
    await PlainTextResponse("answered", headers={"vary": "accept"})(scope, receive, send)


@pytest.fixture
def client() -> TestClient:
    """A server on a loopback address that the shop's pages may use."""
    origins = (SHOP, "http://localhost:3000")
    guarded = HostGuard(answering, is_loopback=True, allowed_hosts=(), allowed_origins=origins)
    return TestClient(CrossOrigin(Boundary(guarded), origins=origins), base_url=HERE)


@pytest.mark.parametrize("origin", [SHOP, "HTTPS://shop.example.org", "http://localhost:3000"])
def test_a_page_that_is_allowed_reads_what_it_asks_for(client: TestClient, origin: str) -> None:
    answer = client.post("/", headers={"origin": origin, "sec-fetch-site": "cross-site"})

    assert answer.text == "answered"
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-expose-headers"].split(", ") == list(EXPOSED)
    assert answer.headers["vary"] == "accept, origin"
    assert "access-control-allow-credentials" not in answer.headers


def test_it_reads_errors_too(client: TestClient) -> None:
    answer = client.get("/broken", headers={"origin": SHOP})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["access-control-allow-origin"] == SHOP


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://shop.example.org", f"{SHOP}:8443", f"{SHOP}.evil.example", "null", "*"],
)
def test_any_other_page_is_refused_and_can_not_read_why(client: TestClient, origin: str) -> None:
    ask = {"access-control-request-method": "POST"}
    for answer in (
        client.get("/", headers={"origin": origin}),
        client.options("/", headers={"origin": origin, **ask}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
        assert not [each for each in answer.headers if each.startswith("access-control")]


def test_the_servers_own_pages_are_served_as_before(client: TestClient) -> None:
    for headers in ({}, {"origin": HERE}):
        answer = client.get("/", headers=headers)

        assert answer.text == "answered"
        assert not [each for each in answer.headers if each.startswith("access-control")]


def test_a_browser_asks_first_and_is_answered_without_the_app(client: TestClient) -> None:
    wanted = "authorization,content-type,idempotency-key,x-api-key"
    headers = {
        "origin": SHOP,
        "access-control-request-method": "DELETE",
        "access-control-request-headers": wanted,
        "access-control-request-private-network": "true",
    }

    answer = client.options("/broken", headers=headers)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-headers"] == wanted
    assert "DELETE" in answer.headers["access-control-allow-methods"].split(", ")
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert answer.headers["vary"].startswith("origin")


def test_options_that_are_no_question_of_a_browser_reach_the_app(client: TestClient) -> None:
    answer = client.options("/", headers={"origin": SHOP})

    assert answer.text == "answered"
    assert answer.headers["access-control-allow-origin"] == SHOP


def test_other_scopes_than_http_pass_through() -> None:
    async def accepting(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1000})

    client = TestClient(CrossOrigin(accepting, origins=(SHOP,)))

    with (
        client.websocket_connect("/", headers={"origin": SHOP}) as socket,
        pytest.raises(WebSocketDisconnect),
    ):
        socket.receive_text()
