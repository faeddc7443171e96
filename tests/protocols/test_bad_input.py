"""What no route takes: each case of bad input, through every route that takes such a body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.patience import PATIENCE_S
from tests.serving import Served

ROUTES = [
    "/agent/invoke",
    "/agent/batch",
    "/agent/stream",
    "/agent/stream_log",
    "/agent/stream_events",
    "/agent/chat/invoke",
    "/agent/chat/stream",
    "/agent/runs",
    "/agent/c/N4XyA/stream",
]
JSON = {"content-type": "application/json"}
routes = pytest.mark.parametrize("route", ROUTES)
all_routes = pytest.mark.parametrize("route", [*ROUTES, "/chat"])


@pytest.fixture(scope="module")
def client(demo_server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo_server.url, timeout=PATIENCE_S) as client:
        yield client


def body_of(route: str, value: Any) -> dict[str, Any]:
    if route == "/chat":
        return {"text": value}
    return {"inputs": [value]} if route.endswith("batch") else {"input": value}


def field_of(route: str) -> str:
    return "inputs.0" if route.endswith("batch") else "input"


def refused(response: httpx.Response) -> tuple[int, str, str]:
    """Return status, code, and the field that the text names."""
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["message"] == problem["detail"]
    return response.status_code, problem["code"], problem["detail"].partition(": ")[0]


MESSAGES = {
    "an unknown role": ({"role": "my secret", "content": "x"}, ""),
    "a function's role": ({"role": "function", "name": "f", "content": "x"}, ""),
    "a role of another type": ({"role": 5, "content": "x"}, ""),
    "no content": ({"role": "user"}, ""),
    "a number as content": ({"role": "user", "content": 5}, ".content"),
    "an object as content": ({"role": "user", "content": {"type": "text", "text": "x"}}, ".content"),
    "a number as an image": (
        {"role": "user", "content": [{"type": "image_url", "image_url": 5}]},
        ".content.0.image_url",
    ),
    "a number as id": ({"role": "user", "content": "x", "id": 5}, ".id"),
    "a text as usage": ({"role": "assistant", "content": "x", "usage_metadata": "x"}, ".usage_metadata"),
    "an unknown part": ({"role": "user", "content": [{"type": "weird"}]}, ".content.0.type"),
    "a part without a type": ({"role": "user", "content": [{"text": "x"}]}, ".content.0.type"),
    "a text part without text": ({"role": "user", "content": [{"type": "text"}]}, ".content.0.text"),
    "a number as text": ({"role": "user", "content": [{"type": "text", "text": 5}]}, ".content.0.text"),
    "null as text": ({"role": "user", "content": [{"type": "text", "text": None}]}, ".content.0.text"),
    "a tool's answer to nothing": ({"role": "tool", "content": "x", "tool_call_id": "c"}, ".tool_call_id"),
    "a removal": ({"type": "remove", "id": "m", "content": ""}, ""),
}


@routes
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_no_provider_accepts_is_refused_by_its_field(
    client: httpx.Client, route: str, name: str
) -> None:
    message, place = MESSAGES[name]

    response = client.post(route, json=body_of(route, {"messages": ["hello", message]}))

    assert refused(response) == (422, "invalid_input", f"{field_of(route)}.messages.1{place}")
    assert "secret" not in response.text


@all_routes
@pytest.mark.parametrize("value", [None, 5, [], {}, "", {"messages": []}, {"messages": None}, [5]], ids=repr)
def test_what_is_no_question_is_refused(client: httpx.Client, route: str, value: Any) -> None:
    status, code, field = refused(client.post(route, json=body_of(route, value)))

    assert (status, code) == (422, "invalid_input")
    assert field.startswith("text" if route == "/chat" else field_of(route))


@all_routes
@pytest.mark.parametrize("coding", ["br", "gzip", "zstd", "identity, br"])
def test_a_compressed_body_is_refused(client: httpx.Client, route: str, coding: str) -> None:
    body = json.dumps(body_of(route, "hi"))

    response = client.post(route, content=body, headers=JSON | {"content-encoding": coding})

    assert refused(response)[:2] == (415, "not_json")


@all_routes
def test_several_codings_are_all_read(client: httpx.Client, route: str) -> None:
    headers = [
        ("content-type", "application/json"),
        ("content-encoding", "identity"),
        ("content-encoding", "br"),
    ]

    response = client.post(route, content=json.dumps(body_of(route, "hi")), headers=headers)

    assert refused(response)[:2] == (415, "not_json")


@all_routes
@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"input": NaN}', 400),
        (b'{"input": 1e999}', 400),
        (b'{"input": "\xff"}', 400),
        (b'{"input": "a", "input": "b"}', 400),
        (b'\xef\xbb\xbf{"input": "a"}', 400),
        (b'{"input": ' + b"[" * 100 + b"]" * 100 + b"}", 400),
        (b'{"input": "\\u0000"}', 422),
        (b'{"input": "\\ud800"}', 422),
        (b"[]", 422),
        (b"null", 422),
    ],
)
def test_what_is_no_json_object_is_refused(
    client: httpx.Client, route: str, content: bytes, status: int
) -> None:
    assert refused(client.post(route, content=content, headers=JSON))[0] == status


@routes
@pytest.mark.parametrize("thread_id", ["", "a/b", "../x", " ", "x" * 129, "-x", 5, ["t"]])
def test_a_bad_thread_id_is_refused(client: httpx.Client, route: str, thread_id: Any) -> None:
    body = body_of(route, "hi") | {"config": {"configurable": {"thread_id": thread_id}}}

    status, code, field = refused(client.post(route, json=body))

    assert (status, code, field) == (422, "invalid_input", "config.configurable.thread_id")


def test_a_playgrounds_form_may_leave_the_thread_empty(client: httpx.Client) -> None:
    body = {"input": "2+2?", "config": {"configurable": {"thread_id": ""}}}
    headers = {"referer": f"{client.base_url}/agent/playground/"}

    response = client.post("/agent/stream_log", json=body, headers=headers)

    assert response.status_code == 200
    assert response.headers["x-thread-id"]


@routes
@pytest.mark.parametrize("config", [5, "x", {"configurable": 5}, {"recursion_limit": "9"}], ids=repr)
def test_a_bad_config_is_refused(client: httpx.Client, route: str, config: Any) -> None:
    status, code, field = refused(client.post(route, json=body_of(route, "hi") | {"config": config}))

    assert (status, code) == (422, "invalid_input")
    assert field.startswith("config")


@all_routes
@pytest.mark.parametrize(
    "fields",
    [
        {"config": None},
        {"config": {"configurable": None}},
        {"config": {"metadata": None, "tags": None, "recursion_limit": None, "run_name": None}},
    ],
    ids=["config", "configurable", "labels"],
)
def test_null_counts_as_left_out(client: httpx.Client, route: str, fields: dict[str, Any]) -> None:
    response = client.post(route, json=body_of(route, "2+2?") | fields)

    assert response.status_code in (200, 201)
    assert '"code"' not in response.text


@pytest.mark.parametrize("route", ["/chat", "/agent/runs"])
@pytest.mark.parametrize("field", ["context", "on_busy"])
def test_null_counts_as_left_out_in_every_field(client: httpx.Client, route: str, field: str) -> None:
    response = client.post(route, json=body_of(route, "2+2?") | {field: None})

    assert response.status_code in (200, 201)


@all_routes
def test_null_as_a_threads_id_is_refused(client: httpx.Client, route: str) -> None:
    body = body_of(route, "hi") | {"config": {"configurable": {"thread_id": None}}}

    assert refused(client.post(route, json=body))[::2] == (422, "config.configurable.thread_id")


@pytest.mark.parametrize("path", ["/chat", "/agent/runs"])
def test_each_accept_header_is_read(client: httpx.Client, path: str) -> None:
    body = {"text": "2+2?"} if path == "/chat" else {"input": "2+2?"}
    headers = [("accept", "text/html"), ("accept", "text/event-stream;q=0.9, */*")]

    response = client.post(path, json=body, headers=headers)

    assert response.headers["content-type"].startswith("text/event-stream")
