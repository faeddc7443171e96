"""Which graphs a server has."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seltzer.client import ServedGraph, ServerUnreachable, served_graphs
from seltzer.client.http.connection import _is_loopback
from tests.client.conftest import TALKER
from tests.client.rawserver import END, answering, chunk, head
from tests.conftest import Serve
from tests.serving import Served

pytestmark = pytest.mark.anyio

BARE = """
from langchain_core.runnables import RunnableLambda
graph = RunnableLambda(lambda text: text.upper())
"""


@pytest.fixture
def two_graphs(serve: Serve) -> Served:
    return serve({"shout": BARE, "agent": f"{TALKER}:graph", "Store": f"{TALKER}:graph"})


async def test_a_server_lists_its_graphs(two_graphs: Served) -> None:
    graphs = await served_graphs(two_graphs.url)

    assert graphs == [
        ServedGraph("shout", takes_messages=False, path="/shout"),
        ServedGraph("agent", takes_messages=True, path="/agent"),
        ServedGraph("Store", takes_messages=True, path="/graphs/store"),
    ]


@pytest.mark.parametrize("body", [b'{"hello": "world"}', b"<html>", b'"status"'])
async def test_another_server_is_not_mistaken_for_seltzer(body: bytes) -> None:
    with (
        answering(head(), chunk(body), END) as server,
        pytest.raises(ServerUnreachable, match="isn't Seltzer"),
    ):
        await served_graphs(server.url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://localhost", True),
        ("https://example.org", False),
        ("http://10.0.0.1", False),
        ("http://[", False),
    ],
)
def test_no_proxy_is_used_for_loopback(url: str, expected: bool) -> None:
    assert _is_loopback(url) is expected


def test_the_client_needs_nothing_but_httpx() -> None:
    code = """
import sys, seltzer.client
print(*sorted(name for name in sys.modules if name.startswith("seltzer")))
print({"langchain_core", "langserve", "fastapi", "pydantic"} & sys.modules.keys())
"""

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )

    loaded, foreign = done.stdout.splitlines()
    others = {name for name in loaded.split() if not name.startswith("seltzer.client")}
    assert others == {"seltzer", "seltzer.cursor", "seltzer.errors"}
    assert foreign == "set()"
