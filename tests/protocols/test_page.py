"""The plain list at /, what other clients get there, and /docs. The page itself: tests/web."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from fastapi import FastAPI

from seltzer import Seltzer, __version__
from tests.browser import open_page
from tests.cli.talker import graph
from tests.conftest import ROOT, Serve, choose_demo, make_app
from tests.patience import PATIENCE_S
from tests.serving import Served, serving

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The shipped graphs and the demo model, without the page."""
    with pytest.MonkeyPatch.context() as patch:
        choose_demo(patch)
        app = make_app(config=ROOT / "langgraph.json", data=tmp_path_factory.mktemp("data"), page=False)
    with serving(app) as served:
        yield served


@pytest.fixture
def client(plain_server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=plain_server.url, timeout=PATIENCE_S) as client:
        yield client


def links(page: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]+)"', page)


def test_a_browser_gets_a_page_whose_links_work(client: httpx.Client) -> None:
    response = client.get("/", headers=HTML)

    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert {"agent/chat/playground/", "docs"} <= set(links(response.text))
    for link in links(response.text):
        assert client.get(link).status_code == 200, link


def test_the_page_needs_no_script_and_no_network(client: httpx.Client) -> None:
    page = client.get("/", headers=HTML).text

    assert "<script" not in page
    assert not [link for link in links(page) if "//" in link or link.startswith("/")]


def test_the_command_on_the_page_can_be_copied(client: httpx.Client) -> None:
    page = client.get("/", headers=HTML).text
    found = re.search("<pre><code>(.*?)</code>", page)
    assert found

    answer = subprocess.run(  # what the page shows is what is tested
        shlex.split(unescape(found[1])), capture_output=True, text=True, timeout=20, check=True
    )

    assert answer.stdout


def test_the_page_shows_how_a_graph_that_asks_is_answered(client: httpx.Client) -> None:
    page = client.get("/", headers=HTML).text

    assert "<code>seltzer chat --graph NAME</code>" in page
    assert "<code>POST NAME/runs/ID/resume</code>" in page


def test_the_page_names_the_model(client: httpx.Client) -> None:
    page = client.get("/", headers=HTML).text

    assert "<p>chat: demo (scripted; for a real one set MODEL, " in page
    assert client.get("/").json()["models"][0].startswith("chat: demo (scripted; ")


def test_the_page_names_a_real_model_but_not_where_it_is(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL", "<b>tiny</b>")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://internal.example/v1")
    llm = "from seltzer.models import chat_model\ngraph = chat_model()\n"
    served = serve({"count": COUNTING, "llm": llm}, page=False)

    page = httpx.get(served.url, headers=HTML, timeout=PATIENCE_S).text

    assert "<p>chat: &lt;b&gt;tiny&lt;/b&gt;</p>" in page
    others = [httpx.get(served.url + path, timeout=PATIENCE_S).text for path in ("/", "/info")]
    assert "internal" not in page + "".join(others)


def test_the_page_names_broken_graphs_without_an_exceptions_text(serve: Serve) -> None:
    served = serve({"count": COUNTING, "<i>": "raise ValueError('sk-secret')\n"}, page=False)

    page = httpx.get(served.url, headers=HTML, timeout=PATIENCE_S).text

    described = httpx.get(served.url, timeout=PATIENCE_S).json()
    assert "<h3>&lt;i&gt;</h3><p>It can&#x27;t be loaded: " in page.replace("can't", "can&#x27;t")
    assert "ValueError" in page
    assert "secret" not in page
    assert [each["name"] for each in described["broken"]] == ["<i>"]
    assert described["broken"][0]["why"].endswith(".py:1: ValueError")


@pytest.mark.parametrize("headers", [{}, {"accept": "application/json"}, {"accept": "*/*"}])
def test_others_get_json(client: httpx.Client, headers: dict[str, str]) -> None:
    described = client.get("/", headers=headers).json()

    assert (described["name"], described["version"], described["docs"]) == ("Seltzer", __version__, "docs")
    assert described["graphs"][0]["name"] == "agent"
    assert described["graphs"][0]["playground"] == "agent/chat/playground/"


def test_without_a_graph_on_messages_no_command_is_shown(serve: Serve) -> None:
    served = serve({"count": COUNTING}, page=False)

    page = httpx.get(served.url, headers=HTML, timeout=PATIENCE_S).text

    assert "count/playground/" in page
    assert "curl" not in page


COUNTING = """
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

class State(TypedDict):
    count: int

graph = StateGraph(State).add_node("count", lambda state: {"count": 1}).add_edge(START, "count")
"""


def test_docs_need_no_network(client: httpx.Client) -> None:
    page = client.get("/docs").text
    described = re.search(r"url: '([^']+)'", page)
    assert described

    assert not [link for link in links(page) if "//" in link or link.startswith("/")]
    for link in [*links(page), described[1]]:
        assert client.get(urljoin("/docs", link)).status_code == 200, link


def test_docs_are_in_order_with_each_endpoint_once(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()

    names = [each["name"] for each in described["tags"]]
    operations = [each for path in described["paths"].values() for each in path.values()]
    assert names[:4] == ["chat", "runs", "threads", "agent: LangServe"]
    assert names[-2:] == ["info", "health"]
    assert {tag for each in operations for tag in each["tags"]} == set(names)
    assert not [path for path in described["paths"] if "config_hash" in path or "/chat/" in path]
    agent = [path for path in described["paths"] if path.startswith("/agent/")]
    assert agent[:3] == ["/agent/invoke", "/agent/stream", "/agent/batch"]
    assert all(each["summary"][0].isupper() and " " in each["summary"] for each in operations)


def test_an_apps_own_docs_keep_their_tags_beside_each_graphs(tmp_path: Path) -> None:
    app = FastAPI(docs_url=None, redoc_url=None)
    seltzer = Seltzer({"one": graph, "two": graph}, data=tmp_path)

    @app.get("/mine", tags=["mine"])
    def mine() -> None: ...

    for name in ("one", "two"):
        seltzer.add_routes(app, seltzer.graphs[name], path=f"/{name}")
    seltzer.mount(app)
    seltzer.serve_docs(app)

    assert [each["name"] for each in app.openapi()["tags"]] == [
        "chat",
        "runs",
        "mine",
        *(f"{name}: {kind}" for name in ("one", "two") for kind in ("runs", "threads", "LangServe")),
        "info",
        "health",
    ]


def test_docs_are_collapsed_in_a_browser(server: Served) -> None:
    with open_page() as page:
        page.goto(f"{server.url}/docs")
        page.wait_for_selector(".opblock-tag")
        titles = page.locator(".opblock-tag").all_inner_texts()

        assert titles[0].split()[0] == "chat"
        assert page.locator(".opblock").count() == 0
