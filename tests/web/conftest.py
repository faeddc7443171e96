"""The page in a real browser, before a real server: one of each for all tests of the package."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from seltzer import Seltzer
from tests.browser import open_browser
from tests.cli.talker import graph
from tests.conftest import ROOT, choose_demo, choose_upstream, in_a_thread, make_app
from tests.page import find_axe
from tests.patience import PATIENCE_S
from tests.serving import Served, serving
from tests.upstream import Upstream
from tests.web.graphs import GRAPHS

OWN = ("data:", "blob:")


@dataclass
class Watch:
    """What a page does wrong: requests to elsewhere, and errors in the console, such as those of its CSP."""

    origins: str | tuple[str, ...]
    seen: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """All that was wrong but what the test has caused, which may come late."""
        return [each for each in self.seen if not any(text in each for text in self.known)]

    def context(self, browser: Browser, **options: object) -> BrowserContext:
        """Open a browser's window, as it were, and watch its pages."""
        opened = browser.new_context(**options)  # type: ignore[arg-type]  # Playwright's own options
        opened.set_default_timeout(PATIENCE_S * 1000)
        opened.on("request", self._requested)
        opened.on("console", self._logged)
        opened.on("weberror", lambda error: self.seen.append(str(error.error)))
        self.contexts.append(opened)
        return opened

    def expect(self, text: str) -> None:
        """Expect errors with this text, which the test has caused: wait for one in the page opened last."""
        self.known.append(text)
        if not any(text in each for each in self.seen):
            self.contexts[-1].wait_for_event("console", lambda message: text in message.text)

    def forget(self, text: str) -> None:
        """Forget errors with this text, which the test may cause."""
        self.known.append(text)

    def _requested(self, request: Request) -> None:
        own = (self.origins,) if isinstance(self.origins, str) else self.origins
        if not request.url.startswith((*own, *OWN)):
            self.seen.append(f"a request to {request.url}")

    def _logged(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.seen.append(message.text)


STAND_STILL = """async () => {
    const moving = () => document.getAnimations().filter((each) =>
        each.playState === "running" && each.effect.getComputedTiming().endTime !== Infinity);
    for (let each = moving(); each.length > 0; each = moving()) {
        await Promise.allSettled(each.map(({ finished }) => finished));
    }
}"""


def stand_still(page: Page) -> None:
    """Wait until what moves has come to its place, and what changes its colour has it."""
    page.evaluate(STAND_STILL)


def stop_time(page: Page) -> None:
    """Let no timer of the page end any more; its clock must be installed."""
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 1"))


def axe_finds(page: Page, axe: str) -> list[tuple[str, str]]:
    """Return what axe-core finds wrong with the page: which rule, and where."""
    stand_still(page)
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A Chromium, for as long as the package's tests run: its sync API is in the way of async tests."""
    expect.set_options(timeout=PATIENCE_S * 1000)
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="package")
def page_server(
    built_page: None, session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The shipped graphs with the upstream as their model, and the page."""
    with pytest.MonkeyPatch.context() as patch:
        choose_demo(patch)
        choose_upstream(patch, session_upstream)
        app = make_app(config=ROOT / "langgraph.json", data=tmp_path_factory.mktemp("data"))
    with serving(app) as served:
        yield served


@pytest.fixture(scope="package")
def mounted(built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Somebody's app with files of its own at /static, and the graph `echo` and the page below /tools/ai."""
    app = FastAPI()

    @app.get("/static/{name}")
    def own(name: str) -> str:
        return name

    data = tmp_path_factory.mktemp("data")
    in_a_thread(lambda: Seltzer({"echo": graph}, data=data)).mount(app, prefix="/tools/ai")
    with serving(app) as served:
        yield served


@pytest.fixture(scope="package")
def graphs_server(built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Graphs that ask and that have forms, and the page."""
    app = FastAPI()
    data = tmp_path_factory.mktemp("data")
    in_a_thread(lambda: Seltzer(GRAPHS, data=data)).mount(app)
    with serving(app) as served:
        yield served


@pytest.fixture
def upstream(upstream: Upstream, request: pytest.FixtureRequest) -> Iterator[Upstream]:
    """The upstream; the runs that a test leaves are ended, as they would be given the next one's answers."""
    names = {"page_server", "graphs_server", "forgetful", "shops"}.intersection(request.fixturenames)
    servers = [request.getfixturevalue(name) for name in names]
    yield upstream
    for each in servers:
        end_runs(each.url if isinstance(each, Served) else each.server)


def end_runs(url: str) -> None:
    """Cancel the active runs of a server, and wait until there are none."""
    query = {"status": "pending,running"}
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        while runs := client.get("/runs", params=query).raise_for_status().json()["runs"]:
            for run in runs:
                client.post(f"/{run['graph']}/runs/{run['run_id']}/cancel")


@pytest.fixture
def watch(page_server: Served) -> Iterator[Watch]:
    """Fail the test if the page does anything wrong meanwhile."""
    watching = Watch(page_server.url)
    yield watching
    assert watching.problems == []


@pytest.fixture
def page(watch: Watch, browser: Browser, upstream: Upstream) -> Iterator[Page]:
    """An empty page that is watched."""
    context = watch.context(browser)
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's script."""
    return find_axe().read_text(encoding="utf-8")
