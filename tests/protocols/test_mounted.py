"""Our server within somebody's app: under a mount, and behind a proxy's prefix."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from fastapi import FastAPI
from langserve import RemoteRunnable

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.conftest import ROOT
from tests.patience import PATIENCE_S
from tests.protocols.following import events_in
from tests.serving import serving


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of our server, mounted at /ai/v1 in an app behind the prefix /proxy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL", "demo")
        patch.setenv("DEMO_TTFT_MS", "0")
        patch.setenv("DEMO_TPS", "0")
        data = tmp_path_factory.mktemp("data")
        ours = create_app(Settings(_env_file=None, config=ROOT / "langgraph.json", data=data, page=False))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with ours.router.lifespan_context(ours):
            yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/ai/v1", ours)
    with serving(app, root_path="/proxy") as served:
        yield f"{served.url}/ai/v1"


@pytest.mark.parametrize("graph", ["agent", "agent/chat"])
def test_langserve_streams(base: str, graph: str) -> None:
    remote: RemoteRunnable[Any, str] = RemoteRunnable(f"{base}/{graph}")

    assert "".join(remote.stream([("human", "hello")])) == remote.invoke([("human", "hello")])


def test_a_run_is_at_its_location(base: str) -> None:
    origin = base.removesuffix("/ai/v1")

    started = httpx.post(f"{base}/agent/runs", json={"input": "hello"}, timeout=PATIENCE_S)
    location = started.headers["location"]
    followed = httpx.get(origin + location.removeprefix("/proxy") + "/events", timeout=PATIENCE_S)
    kinds = [event.kind for event in events_in(followed.content)]

    assert location == f"/proxy/ai/v1/agent/runs/{started.json()['run_id']}"
    assert kinds[-1] == "finished"


@pytest.mark.parametrize("playground", ["agent", "agent/chat", "agent/c/N4XyA", "agent/chat/c/N4XyA"])
def test_a_playground_finds_its_files_and_its_graph(base: str, playground: str) -> None:
    page = httpx.get(f"{base}/{playground}/playground/", timeout=PATIENCE_S)

    graph = playground.partition("/c/")[0]
    assert page.status_code == 200
    assert f"/proxy/ai/v1/{graph}/playground/" in page.text


def test_chat_and_its_errors_are_there(base: str) -> None:
    answer = httpx.post(f"{base}/chat", json={"text": "hello"}, timeout=PATIENCE_S)
    refused = httpx.post(f"{base}/chat", json={"text": 1}, timeout=PATIENCE_S)

    assert (answer.status_code, refused.status_code) == (200, 422)
    assert refused.json()["code"] == "invalid_input"


def test_the_front_page_and_docs_find_what_they_link_to(base: str) -> None:
    with httpx.Client(timeout=PATIENCE_S) as client:
        page = client.get(f"{base}/", headers={"accept": "text/html"}).text
        docs = client.get(f"{base}/docs").text
        links = [(f"{base}/", link) for link in re.findall('href="([^"]+)"', page)]
        links += [(f"{base}/docs", link) for link in re.findall('(?:href|src)="([^"]+)"', docs)]

        assert f"{base.replace('/ai', '/proxy/ai')}/chat" in page
        for place, link in links:
            assert client.get(urljoin(place, link)).status_code == 200, link
