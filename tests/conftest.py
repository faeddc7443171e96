"""The world tests run in: no model but the demo, a scripted upstream, a real server, a real browser."""

from __future__ import annotations

import gc
import itertools
import sys
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest
from blockbuster import BlockBuster
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from playwright.sync_api import Page

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.browser import open_page
from tests.page import build_page
from tests.serving import Served, serving, write_graphs
from tests.upstream import Upstream

ROOT = Path(__file__).parents[1]
SHIPPED = ("graphs.agent", "graphs.approval", "graphs.llm", "graphs.completion")
Serve = Callable[..., Served]
Made = TypeVar("Made")

# A machine that is busy elsewhere is no fault of a test's strategies.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Exempt what is imported to find the tests from garbage collection: it lives as long as the process."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture
def anyio_backend() -> str:
    """The loop that tests marked anyio run on."""
    return "asyncio"


@pytest.fixture(autouse=True)
def blocking_calls() -> Iterator[None]:
    """Raise BlockingError where our code blocks an event loop, the served app's too."""
    detector = BlockBuster(scanned_modules=["seltzer", "graphs"])
    for function in detector.functions.values():
        function.can_block_in("langserve/playground.py", "serve_playground")  # reads a small file of its own
    detector.activate()
    try:
        yield
    finally:
        detector.deactivate()


@pytest.fixture(autouse=True)
def forgotten_modules(tmp_path: Path) -> Iterator[None]:
    """Forget what a test has imported from its own folder, and that it is on the import path."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]
    sys.path[:] = [folder for folder in sys.path if not folder.startswith(str(tmp_path))]


@pytest.fixture
def demo_env(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the demo model, at full speed, whatever this machine's environment names."""
    choose_demo(monkeypatch)


@pytest.fixture(scope="session")
def session_upstream() -> Iterator[Upstream]:
    """The upstream that the session's relaying server asks."""
    with Upstream() as running:
        yield running


@pytest.fixture
def upstream(session_upstream: Upstream) -> Upstream:
    """An OpenAI-compatible upstream that answers by habit until it is given a script."""
    session_upstream.reset()
    return session_upstream


@pytest.fixture
def upstream_env(demo_env: None, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Upstream:
    """Have the upstream as the model's provider; ask for it before `server` or `serve`."""
    choose_upstream(monkeypatch, upstream)
    return upstream


@pytest.fixture(scope="session")
def built_page() -> None:
    """Have the page built; ask for it before a server that is to have it."""
    build_page()


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The shipped graphs with the demo model, one server for the session: name threads anew in each test."""
    with pytest.MonkeyPatch.context() as patch:
        choose_demo(patch)
        app = make_app(config=ROOT / "langgraph.json", data=tmp_path_factory.mktemp("data"))
    with serving(app) as served:
        yield served


@pytest.fixture(scope="session")
def paced_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The shipped graphs with the demo model at a pace: no two tokens arrive at once."""
    with pytest.MonkeyPatch.context() as patch:
        choose_demo(patch)
        patch.setenv("DEMO_TPS", "100")
        app = make_app(config=ROOT / "langgraph.json", data=tmp_path_factory.mktemp("data"))
    with serving(app) as served:
        yield served


@pytest.fixture(scope="session")
def relaying_server(session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The shipped graphs with the upstream as their model, one server for the session."""
    with pytest.MonkeyPatch.context() as patch:
        choose_demo(patch)
        choose_upstream(patch, session_upstream)
        app = make_app(config=ROOT / "langgraph.json", data=tmp_path_factory.mktemp("data"))
    with serving(app) as served:
        yield served


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Served:
    """The shipped graphs, served with the demo model, or with the upstream if `upstream_env` is asked for."""
    name = "relaying_server" if "upstream_env" in request.fixturenames else "demo_server"
    served: Served = request.getfixturevalue(name)
    return served


@pytest.fixture
def thread_id() -> str:
    """A thread that no other test has."""
    return uuid.uuid4().hex


@pytest.fixture
def serve(demo_env: None, tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves graphs: serve({"hello": SOURCE}, body_limit_bytes=100) -> Served.

    A graph is Python source that defines `graph`, or an entry as langgraph.json has it; without any,
    the shipped ones are served. The environment at the time of the call counts.
    """
    numbers = itertools.count(1)
    with ExitStack() as stack:

        def start(graphs: Mapping[str, str] | None = None, **settings: object) -> Served:
            folder = tmp_path / f"served-{next(numbers)}"
            config = ROOT / "langgraph.json" if graphs is None else write_graphs(folder, graphs)
            app = make_app(**{"config": config, "data": folder / "data"} | settings)
            return stack.enter_context(serving(app))

        yield start


def choose_demo(patch: pytest.MonkeyPatch) -> None:
    """Have the demo model, at full speed."""
    for name in ("MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "COMPLETION_MODEL"):
        patch.delenv(name, raising=False)
    patch.setenv("DEMO_TTFT_MS", "0")
    patch.setenv("DEMO_TPS", "0")


def choose_upstream(patch: pytest.MonkeyPatch, upstream: Upstream) -> None:
    """Have the upstream as the model's provider."""
    patch.setenv("OPENAI_BASE_URL", upstream.url)
    patch.setenv("OPENAI_API_KEY", "test-key")
    patch.setenv("MODEL", "openai:test-model")
    patch.setenv("COMPLETION_MODEL", "test-model")


def in_a_thread(make: Callable[[], Made]) -> Made:
    """Return what the function makes, which may read files: in this thread a browser's loop may run."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(make).result()


def make_app(**given: object) -> FastAPI:
    """Build the app of these settings."""
    settings = Settings(_env_file=None, **given)  # type: ignore[arg-type]  # no developer's .env in tests
    for name in SHIPPED:  # one that a test has imported would be served as it is, with that test's model
        sys.modules.pop(name, None)
    return in_a_thread(lambda: create_app(settings))


@pytest.fixture
def page() -> Iterator[Page]:
    """An empty page in Chromium."""
    with open_page() as opened:
        yield opened
