"""Which graph `seltzer chat` asks: broken ones, and those of an app that lists none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from seltzer import Seltzer, add_routes
from tests.cli.conftest import BARE, TALKER, Desk
from tests.cli.talker import graph
from tests.conftest import Serve
from tests.serving import Served, serving, write_graphs

BROKEN = "raise ValueError('sk-secret')\n"


@pytest.fixture(params=["server", "process"])
def partly_broken(request: pytest.FixtureRequest, desk: Desk, serve: Serve) -> list[str]:
    """The flags that ask a server with a broken graph, and those that have one in the process."""
    graphs = {"agent": BROKEN, "talker": f"{TALKER}:graph", "shout": BARE}
    if request.param == "server":
        return ["--url", serve(graphs).url]
    write_graphs(desk.folder, graphs)
    return []


def test_a_broken_graph_is_named_with_the_reason(desk: Desk, partly_broken: list[str]) -> None:
    done = desk.run("chat", *partly_broken, "--graph", "agent", "hello")

    assert (done.returncode, done.stdout) == (1, "")
    *_, last = done.stderr.splitlines()
    assert last.startswith("seltzer: graph 'agent' can't be loaded: ")
    assert "agent.py:1: ValueError" in last
    assert last.endswith("(graph_broken)")


def test_another_graph_isnt_asked_in_silence(desk: Desk, partly_broken: list[str]) -> None:
    done = desk.run("chat", *partly_broken, "hello")

    assert done.stdout == "You said hello, number 1.\n"
    assert "graph 'agent' can't be loaded: " in done.stderr
    assert done.stderr.endswith("asking 'talker'\n")


def test_a_mistyped_graph_gets_the_nearest_and_the_broken_ones(desk: Desk) -> None:
    write_graphs(desk.folder, {"agent": BROKEN, "talker": f"{TALKER}:graph", "shout": BARE})

    done = desk.run("chat", "--graph", "talkr", "hello")

    assert done.returncode == 2
    assert "there is no such graph; there are talker; is it talker?; broken: agent" in done.stderr


def test_a_graph_may_be_named_by_its_path(desk: Desk, talker: Served) -> None:
    done = desk.run("chat", "--url", talker.url, "--graph", "/agent", "hi")

    assert done.stdout == "You said hi, number 1.\n"


@pytest.fixture
def embedding(desk: Desk) -> Iterator[Served]:
    """An app that has nothing but add_routes(), with routes of its own."""
    app, seltzer = FastAPI(), Seltzer({}, data=desk.folder / "embedded")
    add_routes(app, graph, path="/ai/talker", seltzer=seltzer)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "mine"}

    with serving(app) as served:
        yield served


@pytest.mark.parametrize("flags", [[], ["--graph", "talker"]])
def test_an_app_that_only_adds_routes_is_asked(desk: Desk, embedding: Served, flags: list[str]) -> None:
    done = desk.run("chat", "--url", embedding.url, *flags, "hello")

    assert (done.stdout, done.stderr) == ("You said hello, number 1.\n", "")


def test_an_app_whose_graph_is_at_its_root_is_asked(desk: Desk) -> None:
    app = FastAPI()
    add_routes(app, graph, seltzer=Seltzer({}, data=desk.folder / "embedded"))
    with serving(app) as served:
        done = desk.run("chat", "--url", served.url, "tool")

    assert done.stdout == "It is 42\n"


def test_an_app_that_documents_nothing_is_asked_by_the_path(desk: Desk) -> None:
    app = FastAPI(openapi_url=None)
    add_routes(app, graph, path="/talker", seltzer=Seltzer({}, data=desk.folder / "embedded"))
    with serving(app) as served:
        unnamed = desk.run("chat", "--url", served.url, "hello")
        named = desk.run("chat", "--url", served.url, "--graph", "/talker", "hello")
        wrong = desk.run("chat", "--url", served.url, "--graph", "/nowhere", "hello")

    assert unnamed.returncode == 3
    assert "the server there isn't Seltzer" in unnamed.stderr
    assert "`--graph /PATH`" in unnamed.stderr
    assert named.stdout == "You said hello, number 1.\n"
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "Not Found (http_404)" in wrong.stderr
