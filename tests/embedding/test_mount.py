"""All protocols in an app: under prefixes, around middleware, several in one process."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.testclient import TestClient
from starlette.middleware.base import BaseHTTPMiddleware

from seltzer import Seltzer
from seltzer.protocols.http.direct_send import DirectSendMiddleware
from tests.embedding.graphs import Gate, saying, talking
from tests.patience import PATIENCE_S
from tests.serving import serving

QUESTION = {"input": "hi"}


class Marking(BaseHTTPMiddleware):
    """Adds a header, as many apps' own middleware does."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-marked"] = "yes"
        return response


def _as_it_is(app: FastAPI) -> FastAPI:
    return app


@pytest.mark.parametrize(
    ("around", "encoding"),
    [(_as_it_is, "gzip"), (DirectSendMiddleware, "gzip"), (DirectSendMiddleware, "identity")],
)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ai/agent/stream", QUESTION),
        ("/ai/agent/runs", QUESTION),
        ("/ai/chat", {"text": "hi"}),
        ("/ai/agent/stream_events", QUESTION),
    ],
)
def test_tokens_stream_through_the_apps_own_middleware(
    path: str, body: dict[str, str], around: Any, encoding: str
) -> None:
    gate = Gate()
    seltzer = Seltzer({"agent": talking(gate)})
    app = FastAPI(lifespan=seltzer.lifespan)
    seltzer.mount(app, prefix="/ai")
    app.add_middleware(Marking)
    app.add_middleware(GZipMiddleware, minimum_size=1)
    app.add_middleware(CORSMiddleware, allow_origins=["*"])

    @app.post("/open")
    async def open_gate() -> None:
        gate.is_open.set()

    headers = {"accept-encoding": encoding, "origin": "https://example.org"}
    if path.endswith("/runs"):
        headers["accept"] = "text/event-stream"
    with (
        serving(around(app)) as served,
        httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client,
        client.stream("POST", path, json=body, headers=headers) as response,
    ):
        text = ""
        for piece in response.iter_text():
            text += piece
            if "one" in text and "two" not in text and not gate.is_open.is_set():
                client.post("/open")  # the graph can't end before its first token was read

    assert "two" in text
    assert response.headers["x-marked"] == "yes"
    assert response.headers["access-control-allow-origin"] == "*"


def test_several_in_one_process_have_threads_of_their_own(tmp_path: Path) -> None:
    app = FastAPI()
    for name in ("one", "two"):
        Seltzer({"agent": saying(name)}, data=tmp_path / name).mount(app, prefix=f"/{name}")

    with TestClient(app) as client:
        client.post("/one/agent/runs", json={**QUESTION, "thread_id": "ada"})
        assert client.post("/one/chat", json={"text": "hi"}).text == "one"
        assert client.post("/two/chat", json={"text": "hi"}).text == "two"
        assert client.get("/one/agent/threads/ada").status_code == 200
        assert client.get("/two/agent/threads/ada").status_code == 404


TWICE = httpx.Headers([("x-forwarded-prefix", "/ai"), ("x-forwarded-prefix", "/agents")])


@pytest.mark.parametrize(
    ("settings", "headers", "prefix"),
    [
        ({"root_path": "/ai"}, {}, "/ai"),
        ({"trusted_proxies": ["127.0.0.0/8"]}, {"x-forwarded-prefix": "/ai/"}, "/ai"),
        ({"trusted_proxies": ["127.0.0.1"]}, {"x-forwarded-prefix": "//evil.example"}, ""),
        ({"trusted_proxies": ["127.0.0.1"]}, {"x-forwarded-prefix": "/ai, /agents"}, "/ai/agents"),
        ({"trusted_proxies": ["127.0.0.1"]}, {"x-forwarded-prefix": "/ai, agents"}, ""),
        ({"trusted_proxies": ["127.0.0.1"], "root_path": "/ai"}, {"x-forwarded-prefix": ""}, "/ai"),
        ({"trusted_proxies": ["127.0.0.1"]}, TWICE, "/ai/agents"),
        ({"trusted_proxies": ["10.0.0.0/8"]}, {"x-forwarded-prefix": "/ai"}, ""),
        ({"trusted_proxies": ["10.0.0.0/8"]}, TWICE, ""),
        ({}, {"x-forwarded-prefix": "/ai"}, ""),
        ({}, TWICE, ""),
    ],
)
def test_a_proxys_prefix_is_in_every_url(settings: dict[str, Any], headers: Any, prefix: str) -> None:
    seltzer = Seltzer({"agent": saying("hello")}, **settings)
    app = FastAPI(lifespan=seltzer.lifespan)
    seltzer.guard(app)
    seltzer.mount(app)

    with TestClient(app, "http://127.0.0.1", client=("127.0.0.1", 9), headers=headers) as client:
        location = client.post("/agent/runs", json=QUESTION).headers["location"]
        page = client.get("/agent/playground/").text
        answer = client.post("/agent/invoke", json=QUESTION).json()

    assert location.startswith(f"{prefix}/agent/runs/")
    assert f'"{prefix}/agent/playground/' in page
    assert answer["output"] == "hello"


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="no setting 'datta'"):
        Seltzer({"agent": saying("hello")}, datta="x")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "https://friend.example"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, 200),
        ({}, 200),
    ],
)
def test_a_page_of_another_site_starts_no_run_by_a_link(headers: dict[str, str], status: int) -> None:
    app, seltzer = FastAPI(), Seltzer({"agent": saying("hello")}, allowed_hosts=["friend.example"])
    seltzer.mount(app)

    with TestClient(app) as client:
        answer = client.get("/chat", params={"text": "hi"}, headers=headers)
        threads = client.get("/agent/threads").json()["threads"]

    assert (answer.status_code, len(threads)) == (status, 1 if status == 200 else 0)


def test_a_setting_for_our_models_does_not_stop_an_app_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    importlib.import_module("seltzer.models.choice")  # as a graph of ours may
    monkeypatch.setenv("MODEL", "openai:theirs")  # without a key
    app, seltzer = FastAPI(), Seltzer({"agent": saying("hello")})

    seltzer.mount(app)

    (mounted,) = app.state.seltzer_mounted
    (line,) = mounted.facts.models
    assert "openai:theirs" in line
    with TestClient(app) as client:
        assert client.post("/chat", json={"text": "hi"}).text == "hello"
