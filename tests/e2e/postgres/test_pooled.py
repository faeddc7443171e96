"""Servers whose way to the database leads through a PgBouncer in transaction mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.postgres.cluster import Cluster, cluster
from tests.e2e.postgres.test_watch import WHOLE, path_of, start, up_to_second_word
from tests.e2e.processes import upstream_environment
from tests.protocols.following import all_events, following, text_of
from tests.replies import Reply
from tests.stores.postgres.pgbouncer import PgBouncer
from tests.stores.postgres.server import create_database
from tests.upstream import Upstream


@dataclass(frozen=True)
class Two:
    """Two servers, a client of each; is_direct: they have a direct way to the database besides."""

    cluster: Cluster
    a: httpx.Client
    b: httpx.Client
    is_direct: bool


@pytest.fixture(scope="module", params=["direct", "pooled"])
def servers(
    request: pytest.FixtureRequest, session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Two]:
    url = create_database()
    with ExitStack() as closing:
        pooler = PgBouncer(url)
        closing.callback(pooler.stop)
        is_direct = request.param == "direct"
        environment = upstream_environment(session_upstream) | {"DATABASE_URL": pooler.url}
        if is_direct:
            environment["DATABASE_DIRECT_URL"] = url
        folder = tmp_path_factory.mktemp("pooled")
        made = closing.enter_context(cluster(folder, ROOT / "langgraph.json", url, environment))
        one, other = made.start(2)
        yield Two(made, made.client(one), made.client(other), is_direct)


@pytest.fixture
def two(servers: Two, upstream: Upstream) -> Two:
    """The servers; the model writes two words of three, and the last one upon resume()."""
    upstream.script(lambda _body: Reply(text=["one ", "two ", "three"], breaks="silence", after=2))
    return servers


def test_a_run_is_followed_and_cancelled_elsewhere(two: Two, upstream: Upstream) -> None:
    path = path_of(start(two.a))
    with following(two.b, f"{path}/events") as events:
        read = []
        for event in events:
            read.append(event)
            if text_of(read) == "one two " and event.kind == "token":
                assert two.b.post(f"{path}/cancel").is_success

    assert read[-1].kind == "cancelled"
    assert read == all_events(two.a, f"{path}/events")


def test_what_waits_for_another_processs_run_begins_after_it(two: Two, upstream: Upstream) -> None:
    first = start(two.a)
    up_to_second_word(two.b, path_of(first))
    second = path_of(start(two.b, thread_id=first["thread_id"], on_busy="enqueue"))

    upstream.resume()

    assert text_of(all_events(two.a, f"{second}/events")) == WHOLE


def test_that_there_is_no_direct_way_is_reported_at_the_start(two: Two) -> None:
    reported = ["DATABASE_DIRECT_URL" in home.log.read_text() for home in two.cluster.homes]

    assert reported == [not two.is_direct] * 2


def test_a_killed_processs_run_is_carried_on(two: Two, upstream: Upstream) -> None:
    """At once by a direct way, else when its lease has run out. It stays dead: this is the last test here."""
    path = path_of(start(two.a))
    before = up_to_second_word(two.b, path)

    two.cluster.homes[0].kill()
    upstream.resume()

    after = all_events(two.b, f"{path}/events", before[-1].id)
    assert [(each.id, each.kind) for each in after[:2]] == [("2-1", "started"), ("2-2", "state")]
    assert (text_of(after), after[-1].kind) == (WHOLE, "finished")
