"""A header that means one thing is sent once, on every route."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any

import pytest

from seltzer.errors import BadRequest
from seltzer.guards.headers import check_single
from tests.patience import PATIENCE_S
from tests.serving import Served

JSON = ("content-type", "application/json")


def asked(server: Served, method: str, path: str, headers: list[tuple[str, str]]) -> tuple[int, str]:
    """Ask with headers as they are given, and return the status and the body."""
    connection = HTTPConnection(*server.address, timeout=PATIENCE_S)
    content = b'{"input": "2+2?"}' if method == "POST" else b""
    try:
        has_host = any(name == "host" for name, _ in headers)
        connection.putrequest(method, path, skip_host=has_host)
        for name, value in [*headers, ("content-length", str(len(content)))]:
            connection.putheader(name, value)
        connection.endheaders(content)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "name",
    ["host", "origin", "content-type", "authorization", "x-api-key", "idempotency-key", "last-event-id"],
)
@pytest.mark.parametrize("path", ["/agent/invoke", "/agent/runs", "/chat"])
def test_a_header_that_is_sent_twice_is_refused(demo_server: Served, path: str, name: str) -> None:
    host, port = demo_server.address
    value = {"host": f"{host}:{port}", "origin": demo_server.url, "content-type": JSON[1]}.get(name, "x")
    others = [] if name == "content-type" else [JSON]

    status, body = asked(demo_server, "POST", path, [*others, (name, value), (name, value)])

    assert (status, json.loads(body)["code"]) == (400, "bad_request")
    assert repr(name) in json.loads(body)["detail"]


@pytest.mark.parametrize("path", ["/health", "/info", "/agent/threads", "/docs"])
def test_it_is_refused_whatever_is_asked(demo_server: Served, path: str) -> None:
    headers = [("authorization", "one"), ("authorization", "other")]

    assert asked(demo_server, "GET", path, headers)[0] == 400


@pytest.mark.parametrize(
    "name", ["accept", "cookie", "x-forwarded-for", "x-forwarded-prefix", "cache-control"]
)
def test_a_list_may_be_sent_in_several_headers(demo_server: Served, name: str) -> None:
    headers = [JSON, (name, "one"), (name, "other")]

    assert asked(demo_server, "POST", "/agent/invoke", headers)[0] == 200


def test_headers_that_an_app_between_has_replaced_are_checked_again() -> None:
    scope: dict[str, Any] = {"type": "http", "headers": [(b"host", b"a"), (b"accept", b"*/*")]}

    check_single(scope)
    check_single(scope)
    with pytest.raises(BadRequest, match="'host'"):
        check_single({**scope, "headers": [*scope["headers"], (b"host", b"b")]})
