"""nginx and Caddy in front of the server, configured as in docs/how-to/proxy.md."""

from __future__ import annotations

import logging
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Serve
from tests.docs.blocks import ROOT, blocks_of
from tests.interop.programs import missing
from tests.patience import PATIENCE_S
from tests.protocols.behaviours import sse
from tests.replies import Reply
from tests.serving import Served
from tests.upstream import Upstream

QUESTION = "what is the square root of 71?"
PAGE = ROOT / "docs" / "how-to" / "proxy.md"
AT_ROOT, AT_PREFIX = (block.text for block in blocks_of(PAGE) if block.text.startswith("server {"))
CADDY_AT_ROOT, CADDY_AT_PREFIX = (
    block.text for block in blocks_of(PAGE) if block.text.startswith("agents.example.org {")
)
PLAIN = "server {\n listen 80;\n location / {\n proxy_pass http://127.0.0.1:8000;\n }\n}\n"
_TRIES = 500
Proxy = Callable[..., str]  # (served, configuration, more=..) -> the proxy's URL


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    """Return what starts an nginx before a server; more is put into its location."""
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx is None:
        missing("nginx isn't installed: `apt-get install nginx-light`")
    with ExitStack() as stack:

        def start(served: Served, configuration: str, more: str = "") -> str:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            written = configuration.replace("listen 80;", f"listen 127.0.0.1:{port};")
            written = written.replace("http://127.0.0.1:8000", served.url)
            for line in filter(None, more.split(";")):
                written = re.sub(rf"\n *{line.split()[0]} .*;", "", written)
            written = written.replace("proxy_pass ", f"{more} proxy_pass ")
            _write(tmp_path, written)
            command = [nginx, "-p", str(tmp_path), "-c", "nginx.conf", "-e", "error.log"]
            return _started(stack, command, f"http://127.0.0.1:{port}")

        yield start


@pytest.fixture
def caddy(tmp_path: Path) -> Iterator[Proxy]:
    """Return what starts a Caddy before a server."""
    program = shutil.which("caddy")
    if program is None:
        missing("Caddy isn't installed: `apt-get install caddy`")
    with ExitStack() as stack:

        def start(served: Served, configuration: str) -> str:
            with socket.create_server(("127.0.0.1", 0)) as free:
                url = f"http://127.0.0.1:{free.getsockname()[1]}"
            written = configuration.replace("agents.example.org", url)
            written = written.replace("127.0.0.1:8000", served.url.removeprefix("http://"))
            file = tmp_path / "Caddyfile"
            file.write_text("{\n admin off\n}\n" + written)
            command = [program, "run", "--config", str(file), "--adapter", "caddyfile"]
            return _started(stack, command, url, env={"HOME": str(tmp_path)})

        yield start


def _started(stack: ExitStack, command: list[str], url: str, **options: Any) -> str:
    """Start a proxy, which is stopped with the stack; return its URL once it answers."""
    running = subprocess.Popen(command, **options)
    stack.callback(_stop, running)
    _wait_for(url, running)
    return url


def _write(folder: Path, server: str) -> None:
    places = "".join(
        f"{name}_temp_path {folder / name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder / 'nginx.pid'};\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{server}}}\n"
    )


def _wait_for(url: str, running: subprocess.Popen[bytes]) -> None:
    """Wait until the proxy answers: a connection that it refuses is tried again."""
    for _ in range(_TRIES):
        with suppress(httpx.ConnectError):
            httpx.get(url, timeout=PATIENCE_S)
            return
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"the proxy has ended with {running.wait(PATIENCE_S / _TRIES)}")
    pytest.fail("the proxy doesn't answer")


def _stop(running: subprocess.Popen[bytes]) -> None:
    running.terminate()
    running.wait(10)


@pytest.mark.parametrize("more", ["", "proxy_buffering on;", "proxy_buffering off;"])
def test_tokens_pass_through_as_they_arrive(
    upstream_env: Upstream, serve: Serve, proxy: Proxy, more: str
) -> None:
    upstream_env.script(lambda _body: Reply(text=["one ", "two"], breaks="silence", after=1))
    check_streams(proxy(serve(), AT_ROOT, more))


@pytest.mark.parametrize("prefix", ["", "/ai"])
def test_tokens_pass_through_caddy_as_they_arrive(
    upstream_env: Upstream, serve: Serve, caddy: Proxy, prefix: str
) -> None:
    upstream_env.script(lambda _body: Reply(text=["one ", "two"], breaks="silence", after=1))

    check_streams(caddy(serve(), CADDY_AT_PREFIX if prefix else CADDY_AT_ROOT) + prefix)


def check_streams(url: str) -> None:
    """Read each stream until its first token has come, which is all that the model gives."""
    paths = {"/agent/stream": {"input": "hi"}, "/agent/runs": {"input": "hi"}, "/chat": {"text": "hi"}}

    for path, body in paths.items():
        headers = {"accept": "text/event-stream"}
        with httpx.stream("POST", url + path, json=body, headers=headers, timeout=PATIENCE_S) as response:
            arrived = ""
            for piece in response.iter_text():
                arrived += piece
                if '"one ' in arrived:
                    break
        assert "two" not in arrived


@pytest.mark.browser
@pytest.mark.parametrize(
    ("configuration", "prefix"), [(AT_ROOT, ""), (AT_PREFIX, "/ai")], ids=["root", "prefix"]
)
def test_the_pages_work(serve: Serve, proxy: Proxy, page: Page, configuration: str, prefix: str) -> None:
    url = proxy(serve(trusted_proxies=("127.0.0.1",)), configuration) + prefix

    check_pages(page, url, prefix)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("configuration", "prefix"), [(CADDY_AT_ROOT, ""), (CADDY_AT_PREFIX, "/ai")], ids=["root", "prefix"]
)
def test_the_pages_work_behind_caddy(
    serve: Serve, caddy: Proxy, page: Page, configuration: str, prefix: str
) -> None:
    url = caddy(serve(trusted_proxies=("127.0.0.1",)), configuration) + prefix

    check_pages(page, url, prefix)


def check_pages(page: Page, url: str, prefix: str) -> None:
    """Look at the playgrounds and at /docs, and start a run."""
    for playground in ("/agent/playground/", "/agent/chat/playground/"):
        page.goto(url + playground)
        expect(page.locator("textarea").last).to_be_visible(timeout=PATIENCE_S * 1000)
        expect(page.get_by_text("The playground's scripts didn't load")).to_have_count(0)
    page.goto(f"{url}/docs")
    expect(page.get_by_placeholder("Filter by tag or path")).to_be_visible(timeout=PATIENCE_S * 1000)
    location = httpx.post(f"{url}/agent/runs", json={"input": QUESTION}, timeout=PATIENCE_S).headers[
        "location"
    ]
    assert location.startswith(f"{prefix}/agent/runs/")


@pytest.mark.browser
def test_without_the_host_the_page_and_the_log_name_the_header_to_set(
    serve: Serve, proxy: Proxy, page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    url = proxy(serve(), PLAIN)

    with caplog.at_level(logging.WARNING, "seltzer.guards.hosts"):
        page.goto(f"{url}/agent/playground/")
        page.get_by_text("The playground's scripts didn't load").wait_for()

    assert "proxy_set_header Host $http_host;" in page.inner_text("body")
    (logged,) = (each.getMessage() for each in caplog.records if each.name == "seltzer.guards.hosts")
    assert f"refused a page of {url!r}" in logged
    assert "proxy_set_header Host $http_host;" in logged


def test_a_silent_model_outlasts_a_read_timeout_where_there_are_pings(
    upstream_env: Upstream, serve: Serve, proxy: Proxy
) -> None:
    upstream_env.script(lambda _body: Reply(text="done", breaks="silence"))
    url = proxy(serve(ping_s=0.1), AT_ROOT, "proxy_read_timeout 4s;")
    headers = {"accept": "text/event-stream"}

    with httpx.stream(
        "POST", f"{url}/chat", json={"text": "hi"}, headers=headers, timeout=PATIENCE_S
    ) as response:
        # nginx gives up on /invoke; the stream that began before it is still there
        invoked = httpx.post(f"{url}/agent/invoke", json={"input": "hi"}, timeout=PATIENCE_S)
        upstream_env.resume()
        events = list(sse(response))

    assert invoked.status_code == 504
    assert ("data", "done") in events
