"""Which names and pages may ask."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from seltzer.guards.hosts import HostGuard, is_loopback
from tests.guards.app_calls import call

HERE = "127.0.0.1:8000"


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("answered")(scope, receive, send)


def status(
    host: str, origin: str | None = None, *, bind: str = "127.0.0.1", allowed: tuple[str, ...] = ()
) -> int:
    """Ask a server bound to that address, under a Host and from a page of an Origin."""
    guard = HostGuard(answering, is_loopback=is_loopback(bind), allowed_hosts=allowed)
    client = TestClient(guard, base_url=f"http://{bind}:8000")
    return client.get(
        "/", headers={"host": host} | ({"origin": origin} if origin is not None else {})
    ).status_code


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8000", "127.0.0.1", "localhost:8000", "LocalHost", "[::1]:8000", "127.8.9.10", "a.localhost"],
)
def test_a_loopback_server_answers_for_each_of_loopbacks_names(host: str) -> None:
    assert status(host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "0.0.0.0",
        "",
        "[::1",
    ],
)
def test_a_loopback_server_answers_for_no_other_name(host: str) -> None:
    assert status(host) == 421


@pytest.mark.parametrize("host", ["evil.example", "10.0.0.7:8000", "localhost"])
def test_a_server_for_others_answers_for_any_name(host: str) -> None:
    assert status(host, bind="0.0.0.0") == 200


def test_a_name_that_is_allowed_is_answered_for_at_any_port() -> None:
    assert status("Seltzer.example:443", allowed=("seltzer.EXAMPLE",)) == 200
    assert status("other.example", allowed=("seltzer.example",)) == 421


@pytest.mark.parametrize("bind", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://evil.example:8000", "http://127.0.0.1:9000", "null", "", "http://[::1"],
)
def test_a_page_of_another_origin_is_refused_whatever_the_bind(origin: str, bind: str) -> None:
    assert status(HERE, origin, bind=bind) == 403


def test_the_servers_own_pages_may_ask() -> None:
    assert status(HERE, f"http://{HERE}") == 200
    assert status("localhost:8000", "http://LOCALHOST:8000") == 200
    assert status("seltzer.example", "https://seltzer.example", bind="0.0.0.0") == 200


def test_an_origin_that_is_allowed_may_ask() -> None:
    assert status(HERE, "https://seltzer.example", allowed=("seltzer.example",)) == 200
    assert status(HERE, "https://evil.example", allowed=("seltzer.example",)) == 403


def test_a_loopback_guard_on_another_address_leaves_the_host_be() -> None:
    guard = HostGuard(answering, is_loopback=True, allowed_hosts=())

    assert TestClient(guard, base_url="http://10.0.0.7").get("/").status_code == 200


def test_a_refusal_explains_what_to_do() -> None:
    client = TestClient(HostGuard(answering, is_loopback=True, allowed_hosts=()), base_url=f"http://{HERE}")

    name = client.get("/", headers={"host": "evil.example"}).json()
    page = client.get("/", headers={"origin": "http://evil.example"}).json()

    assert (name["code"], page["code"]) == ("foreign_host", "foreign_origin")
    assert (
        name["detail"] == "this server doesn't answer for 'evil.example'; allow it by SELTZER_ALLOWED_HOSTS"
    )
    assert page["detail"].startswith("pages of 'http://evil.example' may not use this server")


@pytest.mark.anyio
async def test_an_unknown_server_address_is_not_loopback() -> None:
    answer = await call(HostGuard(answering, is_loopback=True, allowed_hosts=()), [], headers={"host": "x"})

    assert answer.status == 200


@pytest.mark.anyio
async def test_other_scopes_than_http_pass_through() -> None:
    seen = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def unused(*args: object) -> None: ...

    await HostGuard(note, is_loopback=True, allowed_hosts=())({"type": "lifespan"}, unused, unused)  # type: ignore[arg-type]  # neither is called

    assert seen == ["lifespan"]


def test_a_refused_page_is_logged_once_with_the_header_to_set(caplog: pytest.LogCaptureFixture) -> None:
    guard = HostGuard(answering, is_loopback=True, allowed_hosts=())
    client = TestClient(guard, base_url="http://127.0.0.1:8000")

    for _ in range(3):
        refused = client.get("/", headers={"host": HERE, "origin": "http://agents.example"})

    assert refused.status_code == 403
    assert "Behind a proxy, let it pass the Host header on" in refused.json()["detail"]
    (logged,) = (each.getMessage() for each in caplog.records)
    assert "proxy_set_header Host $http_host;" in logged


@pytest.mark.parametrize(
    ("host", "origin", "is_open"),
    [
        (HERE, f"http://{HERE}", True),
        (HERE, "https://evil.example", False),
        ("evil.example", "http://evil.example", False),
    ],
)
def test_a_websocket_is_refused_as_a_request_is(host: str, origin: str, is_open: bool) -> None:
    async def accepting(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1000})

    client = TestClient(HostGuard(accepting, is_loopback=True, allowed_hosts=()))

    try:
        with client.websocket_connect(f"ws://{HERE}/", headers={"host": host, "origin": origin}) as socket:
            code = socket.receive()["code"]
    except WebSocketDisconnect as refused:
        code = refused.code

    assert code == (1000 if is_open else 1008)
