"""What the server sends of the page: headers, encodings, sizes. No browser."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from fastapi import FastAPI

from seltzer.guards.body import BodyLimits, BodyReader
from seltzer.guards.hosts import PageCheck
from seltzer.guards.lifespan import OpenedFaults
from seltzer.main import Composition, load_graphs
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.page import BuiltPage, router
from seltzer.settings import Settings
from tests.conftest import ROOT, in_a_thread
from tests.patience import PATIENCE_S
from tests.serving import Served, serving

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ENTRY_LIMIT_BYTES = 60_000


@pytest.fixture
def client(page_server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=page_server.url, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
def loaded(client: httpx.Client) -> list[str]:
    """The addresses of what index.html loads."""
    return re.findall(r'(?:src|href)="([^"]+\.(?:js|css|svg))"', client.get("/", headers=HTML).text)


def test_a_browser_gets_the_page_and_others_get_json(client: httpx.Client) -> None:
    page = client.get("/", headers=HTML)
    others = [
        client.get("/", headers=each) for each in ({}, {"accept": "application/json"}, {"accept": "*/*"})
    ]

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<div id="app">' in page.text
    assert [each.json()["name"] for each in others] == ["Seltzer"] * 3
    assert {each.headers["vary"].split(",")[0] for each in (page, *others)} == {"accept"}


def test_the_policy_lets_nothing_in_from_elsewhere(client: httpx.Client) -> None:
    headers = client.get("/", headers=HTML).headers

    policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_page_names_no_absolute_address_and_preloads_nothing(
    client: httpx.Client, loaded: list[str]
) -> None:
    page = client.get("/", headers=HTML).text

    assert not [each for each in re.findall(r'(?:src|href)="([^"]+)"', page) if re.match(r"\w+:|/", each)]
    assert "preload" not in page
    assert "prefetch" not in page
    assert len([each for each in loaded if each.endswith(".js")]) == 1


def test_what_is_needed_for_the_first_chat_is_small(client: httpx.Client, loaded: list[str]) -> None:
    addresses = [("/", HTML), *((each, {}) for each in loaded)]
    sizes = {
        address: len(gzip.compress(client.get(address, headers=headers).content, 9))
        for address, headers in addresses
    }

    assert sum(sizes.values()) < ENTRY_LIMIT_BYTES, sizes


def test_the_files_are_cached_for_good(client: httpx.Client, loaded: list[str]) -> None:
    for each in loaded:
        headers = client.get(each).headers
        assert headers["cache-control"] == "public, max-age=31536000, immutable", each
        assert headers["x-content-type-options"] == "nosniff", each


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("*", "br"),
        ("GZIP;Q=1", "gzip"),
        ("br;q=x, gzip", "gzip"),
        ("identity", None),
        ("deflate", None),
        ("*;q=0", None),
        ("", None),
    ],
)
def test_a_file_is_sent_in_what_the_client_accepts(
    client: httpx.Client, loaded: list[str], accepted: str, encoding: str | None
) -> None:
    script = next(each for each in loaded if each.endswith(".js"))
    plain = client.get(script, headers={"accept-encoding": "identity"}).content

    with client.stream("GET", script, headers={"accept-encoding": accepted}) as response:
        sent = b"".join(response.iter_raw())

    assert response.headers.get("content-encoding") == encoding
    assert response.headers["vary"] == "accept-encoding"
    assert int(response.headers["content-length"]) == len(sent)
    assert encoding != "gzip" or gzip.decompress(sent) == plain
    assert encoding is not None or sent == plain
    assert encoding is None or len(sent) < len(plain) / 2


def test_what_a_client_has_isnt_sent_again(client: httpx.Client, loaded: list[str]) -> None:
    tags = set()
    for address in ("/", *loaded):
        tag = client.get(address, headers=HTML).headers["etag"]
        tags.add(tag)
        for known in (tag, f'"other", W/{tag}', "*"):
            again = client.get(address, headers={**HTML, "if-none-match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        plain = client.get(address, headers={**HTML, "accept-encoding": "identity", "if-none-match": '"no"'})
        assert plain.status_code == 200
    assert len(tags) == len(loaded) + 1


def test_head_is_answered_as_get_without_the_body(client: httpx.Client, loaded: list[str]) -> None:
    for address in ("/", *loaded):
        got, head = client.get(address, headers=HTML), client.head(address, headers=HTML)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "etag", "cache-control", "content-length"):
            assert head.headers[name] == got.headers[name], (address, name)


@pytest.mark.parametrize(
    "name", ["nothing.js", "index.html", "sources.sha256", "..%2f..%2fpy.typed", "%2e%2e", "x%00.js"]
)
def test_nothing_else_is_there(client: httpx.Client, name: str) -> None:
    response = client.get(f"/_page/{name}")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
    assert "cache-control" not in response.headers


def test_other_sites_may_not_load_the_pages_files(client: httpx.Client, loaded: list[str]) -> None:
    foreign = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}

    assert client.get(loaded[0], headers=foreign).status_code == 403
    assert client.get("/", headers={**HTML, "host": "evil.example"}).status_code == 421
    assert client.get("/", headers={**HTML, **foreign, "sec-fetch-mode": "navigate"}).status_code == 200


@pytest.mark.parametrize("path", ["/tools/ai", "/tools/ai/"])
def test_the_page_is_there_in_somebodys_app(mounted: Served, path: str) -> None:
    with httpx.Client(timeout=PATIENCE_S, follow_redirects=True) as client:
        page = client.get(mounted.url + path, headers=HTML)
        (script,) = re.findall(r'src="([^"]+)"', page.text)
        own = client.get(f"{mounted.url}/static/app.js")

        assert client.get(urljoin(str(page.url), script)).status_code == 200
        assert own.json() == "app.js"


@pytest.fixture
def page_in(demo_env: None, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server, and the folder in which its page is to be built."""
    settings = Settings(_env_file=None, config=ROOT / "langgraph.json", data=tmp_path / "data")
    composition = in_a_thread(lambda: Composition(settings, load_graphs(settings)))
    engine, folder = composition.engine, tmp_path / "static"
    guards = Guards(OpenedFaults(engine), BodyReader(BodyLimits(1, 1, 1)), PageCheck(()))
    built = in_a_thread(lambda: BuiltPage.read(folder))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with composition.lifespan(app):
            yield

    app = FastAPI(lifespan=lifespan)
    app.include_router(router(engine, guards, composition.places, version="1", models=tuple, built=built))
    with serving(app) as served:
        yield served.url, folder


def test_a_page_that_isnt_built_is_named_and_the_graphs_are_listed(page_in: tuple[str, Path]) -> None:
    page = httpx.get(page_in[0], headers=HTML, timeout=PATIENCE_S)

    assert "<code>make web</code>" in page.text
    assert "agent/chat/playground/" in page.text


def test_a_page_that_is_built_while_its_server_runs_is_the_new_one(page_in: tuple[str, Path]) -> None:
    url, folder = page_in
    with httpx.Client(base_url=url, headers=HTML, timeout=PATIENCE_S) as client:
        etags = set()
        for number in (1, 2):
            place = folder.with_name(f"new-{number}")
            place.mkdir()
            (place / "index.html").write_text(f"page {number}")
            (place / f"main-{number}.js").write_text(f"script {number}")
            if folder.exists():
                folder.rename(folder.with_name("old"))
            place.rename(folder)

            page = client.get("/")
            etags.add(page.headers["etag"])

            assert page.text == f"page {number}"
            assert client.get(f"/_page/main-{number}.js").text == f"script {number}"
        assert client.get("/_page/main-1.js").status_code == 404
        assert len(etags) == 2
