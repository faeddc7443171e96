"""This deployment's app: composed by hand, and the same server as the one without it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from seltzer import create_app
from seltzer.settings import Settings
from tests.conftest import ROOT

ANY_GRAPH = "/{graph}"


@pytest.fixture
def app(data: Path) -> Iterator[FastAPI]:
    """app.main's, imported anew: it reads its settings then."""
    sys.modules.pop("app.main", None)
    yield importlib.import_module("app.main").app
    sys.modules.pop("app.main", None)


def _routes_of(app: FastAPI, graphs: list[str]) -> set[tuple[str, str]]:
    """Return method and path of every route that /docs shows; one for any graph counts for each."""
    return {
        (method, path.replace(ANY_GRAPH, f"/{graph}", 1) if path.startswith(ANY_GRAPH) else path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
        for graph in graphs
    }


def test_it_has_the_routes_of_the_server_without_it(app: FastAPI, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, config=ROOT / "langgraph.json", data=tmp_path / "other")
    graphs = ["agent", "approval", "llm", "completion"]

    assert _routes_of(app, graphs) == _routes_of(create_app(settings), graphs)


@pytest.mark.parametrize(
    ("path", "body"), [("/chat", {"text": "hello"}), ("/agent/invoke", {"input": "hello"})]
)
def test_it_answers(app: FastAPI, path: str, body: object) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert "hello" in client.post(path, json=body).text.lower()
        assert client.get("/health").status_code == client.get("/ready").status_code == 200


def test_its_docs_need_no_network(app: FastAPI) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        page = client.get("/docs").text

        assert "swagger-ui-bundle.js" in page
        assert "cdn" not in page
        assert client.get("/docs/swagger-ui-bundle.js").status_code == 200


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"origin": "https://example.org"}, '{"text": "hi"}', "foreign_origin"),
        ({"sec-fetch-site": "cross-site"}, '{"text": "hi"}', "foreign_origin"),
        ({}, '{"text": "' + "x" * 2_000_000 + '"}', "body_too_large"),
        ({}, '{"text": NaN}', "bad_request"),
    ],
)
def test_it_is_guarded(app: FastAPI, headers: dict[str, str], body: str, code: str) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        response = client.post("/chat", content=body, headers={"content-type": "application/json", **headers})

        assert response.json()["code"] == code
        assert response.headers["x-request-id"] == response.json()["request_id"]
        assert client.get("/nowhere").json()["code"] == "not_found"
