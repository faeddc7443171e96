"""Three servers behind nginx on one Postgres in a storm: nothing that was accepted is lost."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.answers import Answers
from tests.e2e.invariants import INVARIANTS, an_attached_run_whose_process_died_has_failed
from tests.e2e.postgres.cluster import Cluster, cluster
from tests.e2e.postgres.proxy import nginx
from tests.e2e.postgres.storm import (
    ClusterStorm,
    an_attached_run_that_failed_has_told_its_client,
    each_question_has_its_own_answer,
    no_event_of_a_fenced_attempt_is_in_the_log,
    one_run_at_a_time_has_written_to_a_thread,
)
from tests.e2e.postgres.strikes import Strikes
from tests.e2e.processes import upstream_environment
from tests.e2e.storm import plan
from tests.serving import write_graphs
from tests.stores.postgres.pgbouncer import PgBouncer
from tests.stores.postgres.server import TestServer
from tests.upstream import Upstream

SEEDS = int(os.environ.get("STORM_SEEDS", "10"))  # make soak-postgres sets it
STORMS = [*(("direct", seed) for seed in range(SEEDS)), *(("pooled", seed) for seed in range(SEEDS // 5))]
COUNTED, ASKING = (Path(__file__).parents[1] / f"{name}.py" for name in ("counted", "asking"))


@dataclass(frozen=True)
class World:
    cluster: Cluster
    front: str
    database: TestServer
    upstream: Upstream
    tool_log: Path


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three servers, which stay from storm to storm, behind nginx.

    `direct` to the database, or `pooled`: through a PgBouncer alone, so that they poll, and leases count.
    """
    folder = tmp_path_factory.mktemp("storm")
    tool_log = folder / "tools"
    tool_log.touch()
    config = write_graphs(folder, {"agent": f"{COUNTED}:graph", "asking": f"{ASKING}:graph"})
    database = TestServer()
    with ExitStack() as closing:
        closing.callback(database.remove)
        upstream = closing.enter_context(Upstream())
        environment = upstream_environment(upstream) | {"TOOL_LOG": str(tool_log), "SELTZER_DRAIN_S": "1"}
        if request.param == "pooled":
            pooler = PgBouncer(database.url())
            closing.callback(pooler.stop)
            environment["DATABASE_URL"] = pooler.url
        servers = closing.enter_context(cluster(folder, config, database.url(), environment))
        homes = servers.start(3)
        front = closing.enter_context(nginx(folder / "nginx", [home.url for home in homes]))
        yield World(servers, front, database, upstream, tool_log)


@pytest.mark.parametrize(("world", "seed"), STORMS, indirect=["world"])
def test_nothing_is_lost_whatever_happens_to_the_servers_and_their_database(seed: int, world: World) -> None:
    answers = Answers()
    world.upstream.script(answers)
    world.cluster.revive()
    strikes = Strikes(world.cluster, world.database, random.Random(f"strikes {seed}"))
    storm = ClusterStorm(
        world.front, answers, lambda: Counter(world.tool_log.read_text().splitlines()), strikes
    )

    storm.rage(plan(seed))

    for invariant in INVARIANTS:
        if invariant is not an_attached_run_whose_process_died_has_failed:  # there it can only be killed
            invariant(storm)
    an_attached_run_that_failed_has_told_its_client(storm)
    each_question_has_its_own_answer(storm)
    no_event_of_a_fenced_attempt_is_in_the_log(storm)
    one_run_at_a_time_has_written_to_a_thread(storm, world.cluster)
