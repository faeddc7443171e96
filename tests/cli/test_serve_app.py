"""`seltzer serve --app`: an app composed by hand."""

from __future__ import annotations

import signal

import httpx
import pytest

from tests.cli.conftest import Desk, banner_of, get, post, url_in, wait_for
from tests.patience import PATIENCE_S

COMPOSED = """
from contextlib import asynccontextmanager
from fastapi import FastAPI
from seltzer.main import create_app

served = create_app()
text = "not an app"

@asynccontextmanager
async def lifespan(app):
    async with served.router.lifespan_context(served):
        yield

app = FastAPI(lifespan=lifespan)

@app.get("/mine")
def mine():
    return "my own route"

app.mount("/ai", served)

def make():
    return app

class Wrapped:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)

wrapped = Wrapped(app)
plain = FastAPI()
"""


@pytest.fixture
def composing(desk: Desk) -> Desk:
    """A desk whose package `app` has apps in main.py."""
    (desk.folder / "app").mkdir()
    (desk.folder / "app" / "__init__.py").touch()
    (desk.folder / "app" / "main.py").write_text(COMPOSED)
    return desk


@pytest.mark.parametrize("target", ["app.main:app", "app.main:make", "app.main:wrapped"])
def test_an_app_is_served_with_its_own_routes_beside_the_graphs(composing: Desk, target: str) -> None:
    banner = banner_of(composing.start("serve", "--app", target, "--port", "0"))

    url = url_in(banner)
    assert f"  app       {target}\n" in banner
    assert "agent  messages" in banner
    assert f"curl -N {url}/ai/chat" in banner
    assert get(f"{url}/mine").json() == "my own route"
    answer = post(f"{url}/ai/chat", json={"text": "hello"})
    assert answer.text == "You said hello, number 1."


def test_an_apps_runs_end_before_it_stops(composing: Desk) -> None:
    process = composing.start("serve", "--app", "app.main:app", "--port", "0", SELTZER_DRAIN_S="1")
    url = url_in(banner_of(process))
    with httpx.stream("POST", f"{url}/ai/chat", json={"text": "forever"}, timeout=PATIENCE_S) as response:
        pieces = response.iter_text()  # kept: a dropped generator closes the connection
        assert next(pieces) == "working"

        process.send_signal(signal.SIGTERM)

        assert process.stderr is not None
        assert "Stopping" in process.stderr.readline()
        assert process.wait(PATIENCE_S) == 0
        wait_for(composing.mark)


ROUTED = """
from fastapi import APIRouter, FastAPI
from seltzer import add_routes
from tests.cli.talker import graph

router = APIRouter()
add_routes(router, graph, path="/talker")
app = FastAPI()
app.include_router(router, prefix="/v1")
"""


def test_the_graphs_of_a_router_are_found_and_their_runs_end_before_the_app_stops(composing: Desk) -> None:
    (composing.folder / "app" / "routed.py").write_text(ROUTED)
    process = composing.start("serve", "--app", "app.routed:app", "--port", "0", SELTZER_DRAIN_S="1")
    banner = banner_of(process)
    with httpx.stream(
        "POST", f"{url_in(banner)}/v1/talker/stream", json={"input": "forever"}, timeout=PATIENCE_S
    ) as response:
        lines = response.iter_lines()
        assert any("working" in line for line in lines)

        process.send_signal(signal.SIGTERM)

        assert process.stderr is not None
        assert "Stopping" in process.stderr.readline()
        assert process.wait(PATIENCE_S) == 0
        wait_for(composing.mark)

    assert "talker  messages" in banner
    assert "playground" not in banner  # which prefix it has, only the app knows


def test_an_app_without_graphs_is_served_too(composing: Desk) -> None:
    banner = banner_of(composing.start("serve", "--app", "app.main:plain", "--port", "0"))

    assert "app.main:plain serves no graphs" in banner
    assert get(f"{url_in(banner)}/docs").status_code == 200


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("app.main", "write it as module:attribute, such as app.main:app"),
        ("app/main.py:app", "write it as module:attribute, such as app.main:app"),
        ("nowhere.main:app", "there is no module 'nowhere' in "),
        ("app.mian:app", "there is no module 'app.mian' in "),
        ("app.main:ap", "app.main has no 'ap'; its ASGI apps: app, plain, served, wrapped"),
        ("app.main:text", "it is a str, not an ASGI app"),
        ("app.missing:app", "app/missing.py:1: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("app.broken:app", "app/broken.py:2: "),
        ("app.raising:app", "app/raising.py:1: ZeroDivisionError: division by zero"),
    ],
)
def test_an_app_that_cant_be_loaded_is_one_line(composing: Desk, target: str, reason: str) -> None:
    (composing.folder / "app" / "missing.py").write_text("import nowhere_to_be_found\n")
    (composing.folder / "app" / "broken.py").write_text("x = 1\ny = (\n")
    (composing.folder / "app" / "raising.py").write_text("1 / 0\n")

    done = composing.run("serve", "--app", target, "--port", "0")

    (line,) = done.stderr.splitlines()
    assert line.startswith(f"seltzer: --app {target}: {reason}")
    assert (done.returncode, done.stdout) == (1, "")


def test_a_file_that_names_graphs_cant_be_combined_with_an_app(composing: Desk) -> None:
    done = composing.run("serve", "--app", "app.main:app", "--config", "langgraph.json")

    assert done.returncode == 2
    assert "--config, --strict and --no-auth" in done.stderr
