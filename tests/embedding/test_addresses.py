"""Where a graph is served: the front page, /info and the banner agree with the routes there are."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from seltzer import Seltzer, add_routes
from seltzer.cli.serve.application import load_application
from seltzer.cli.serve.banner import render
from seltzer.settings import Settings
from tests.embedding.graphs import saying

HTML = {"accept": "text/html"}
URL = "http://testserver"
NAME = "Deep Researcher"


def _added_by_path(seltzer: Seltzer) -> FastAPI:
    app = FastAPI()
    for graph in seltzer.graphs.values():
        add_routes(app, graph, path=graph.path, seltzer=seltzer)
    seltzer.mount(app)
    return app


def _mounted(seltzer: Seltzer) -> FastAPI:
    app = FastAPI()
    seltzer.mount(app, prefix="/ai")
    return app


def _beside_the_mount(seltzer: Seltzer) -> FastAPI:
    app = FastAPI(docs_url="/reference")
    add_routes(app, seltzer.graphs[NAME], path="/v1/deep", seltzer=seltzer)
    seltzer.mount(app, prefix="/ai")
    return app


def _without_docs(seltzer: Seltzer) -> FastAPI:
    app = FastAPI(docs_url=None, openapi_url=None)
    seltzer.mount(app)
    return app


def _with_our_docs(seltzer: Seltzer) -> FastAPI:
    app = FastAPI(docs_url=None)
    seltzer.mount(app, prefix="/ai")
    seltzer.serve_docs(app)
    return app


def _without_a_mount(seltzer: Seltzer) -> FastAPI:
    app = FastAPI()
    add_routes(app, seltzer.graphs[NAME], path="/v1/deep", seltzer=seltzer)
    return app


def _without_playgrounds(seltzer: Seltzer) -> FastAPI:
    app = FastAPI()
    add_routes(app, seltzer.graphs[NAME], path="/deep", seltzer=seltzer, disabled_endpoints=["playground"])
    seltzer.mount(app)
    return app


@pytest.mark.parametrize(
    ("make", "front", "graph", "docs"),
    [
        (_added_by_path, "/", "/deep-researcher", "/docs"),
        (_mounted, "/ai/", "/ai/deep-researcher", "/docs"),
        (_beside_the_mount, "/ai/", "/v1/deep", "/reference"),
        (_without_docs, "/", "/deep-researcher", None),
        (_with_our_docs, "/ai/", "/ai/deep-researcher", "/docs"),
        (_without_a_mount, None, "/v1/deep", "/docs"),
        (_without_playgrounds, "/", None, "/docs"),
    ],
)
def test_every_address_that_is_shown_is_served(
    make: Any, front: str | None, graph: str | None, docs: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(Seltzer({NAME: saying("hello")}, page=False))
    monkeypatch.setattr("tests.embedding.test_addresses.served_app", app, raising=False)
    application = load_application(Settings(_env_file=None), "tests.embedding.test_addresses:served_app")
    banner = render(URL, application.mounted())
    pages = [f"{URL}{graph}{each}" for each in ("/playground/", "/chat/playground/")] if graph else []
    docs_url = [f"{URL}{docs}"] if docs else []

    with TestClient(app) as client:
        links = re.findall(r'href="([^"]+)"', client.get(front, headers=HTML).text) if front else []
        there = [urljoin(f"{URL}{front}", link) for link in links]
        statuses = [client.get(each).status_code for each in there]
        info = client.get(f"{front}info").json() if front else {"graphs": [], "docs": docs}
        for graph_info in info["graphs"]:
            routes = f"{front}{graph_info['path'][1:]}/invoke"
            assert client.post(routes, json={"input": "hi"}).json()["output"] == "hello"

    shown = re.findall(r"(http://\S+(?:/playground/|/docs|/reference))\n", banner)
    assert shown == [*pages, *docs_url]
    assert set(statuses) <= {200}
    assert (info["docs"] and urljoin(f"{URL}{front or '/'}", info["docs"])) == (docs and f"{URL}{docs}")
    if front:
        assert {each for each in there if not each.endswith(".json")} == {*shown}
    assert ("curl -N" in banner, "seltzer chat" in banner) == (bool(front), bool(front))
    if front:
        assert f"curl -N {URL}{front}chat" in banner


def test_two_mounts_in_one_app_serve_their_graphs_each() -> None:
    app, seltzer = FastAPI(), Seltzer({"agent": saying("hello")})
    for prefix in ("/one", "/two"):
        seltzer.mount(app, prefix=prefix)

    with TestClient(app) as client:
        for prefix in ("/one", "/two"):
            assert client.get(f"{prefix}/info").json()["graphs"][0]["path"] == "/agent"
            assert client.post(f"{prefix}/agent/invoke", json={"input": "hi"}).json()["output"] == "hello"


def test_an_apps_own_state_is_its_own() -> None:
    app, seltzer = FastAPI(), Seltzer({"agent": saying("hello")})
    app.state.seltzer = seltzer
    seltzer.mount(app)

    with TestClient(app) as client:
        assert client.post("/chat", json={"text": "hi"}).text == "hello"
    assert app.state.seltzer is seltzer
