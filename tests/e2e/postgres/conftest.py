"""Three servers on one Postgres database, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.postgres.cluster import Cluster, cluster
from tests.e2e.processes import Home, upstream_environment
from tests.replies import Reply
from tests.stores.postgres.server import TestServer
from tests.upstream import Upstream


@dataclass(frozen=True)
class Three:
    """Servers A, B and C of the shipped graphs, a client of each, their database and their model."""

    cluster: Cluster
    homes: list[Home]
    a: httpx.Client
    b: httpx.Client
    c: httpx.Client
    database: TestServer
    upstream: Upstream


@pytest.fixture(scope="session")
def shared_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    database = TestServer()
    try:
        with (
            Upstream() as model,
            cluster(
                tmp_path_factory.mktemp("cluster"),
                ROOT / "langgraph.json",
                database.url(),
                upstream_environment(model) | {"SELTZER_DRAIN_S": "0.5"},
            ) as servers,
        ):
            homes = servers.start(3)
            a, b, c = map(servers.client, homes)
            yield Three(servers, homes, a, b, c, database, model)
    finally:
        database.remove()


@pytest.fixture
def three(shared_servers: Three) -> Three:
    """The servers, all of them up; the model writes two words of three, and the last one upon resume()."""
    shared_servers.upstream.reset()
    shared_servers.upstream.script(
        lambda _body: Reply(text=["one ", "two ", "three"], breaks="silence", after=2)
    )
    shared_servers.cluster.revive()
    return shared_servers
