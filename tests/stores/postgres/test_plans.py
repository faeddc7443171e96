"""How much of the database is read for a page of threads or of runs, of which there are many."""

import asyncio
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from seltzer.runs.run import STATUSES
from seltzer.runs.thread import ThreadSearch
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.migrations import migrate
from seltzer.stores.postgres.statements.run_list import OF_GRAPHS, OF_THREAD
from seltzer.stores.postgres.statements.threads import INTERRUPTED, search
from tests.stores.postgres.server import create_database

pytestmark = pytest.mark.anyio

THREADS = 10_000
PAGES = 200  # of 8 KiB; all of it has several times as many

_FILL = f"""
INSERT INTO seltzer.threads
    (thread_id, owner, graph, title, title_folded, created_at, updated_at, number, metadata)
SELECT 't' || n, CASE WHEN n % 10 = 0 THEN 'ada' ELSE '' END, 'agent', 'T', 't',
    to_timestamp(n * 7919 % {THREADS}), to_timestamp(n * 104729 % {THREADS}), n,
    jsonb_build_object('tenant', n % 1000, 'kind', n % 2)
FROM generate_series(1, {THREADS}) AS n;
INSERT INTO seltzer.runs (run_id, thread_id, owner, graph, status, attempt, has_touched, created_at, attached,
    max_steps, configurable, on_busy, digest, title, last)
SELECT 'r' || n, CASE WHEN n > {THREADS} THEN 't1' ELSE 't' || n END,
    CASE WHEN n % 10 = 0 THEN 'ada' ELSE '' END, 'agent',
    CASE WHEN n <= {THREADS} AND n % 500 = 10 THEN 'pending' WHEN n % 500 = 20 THEN 'interrupted'
        WHEN n % 500 = 30 THEN 'error' ELSE 'success' END,
    1, true, now(), false, 100, '', 'reject', '', '',
    CASE WHEN n > {THREADS} OR n % 500 <> 10 THEN 'x'::bytea END
FROM generate_series(1, {THREADS} + 5000) AS n;
ANALYZE seltzer.threads, seltzer.runs
"""


@pytest.fixture(scope="module")
def url() -> str:
    url = create_database()
    asyncio.run(migrate(parse(url)))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FILL.encode())
    return url


async def read(url: str, statement: str, given: dict[str, Any]) -> int:
    """Return how many pages of the database are read for the statement."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        explained = await connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".encode(), given
        )
        row = await explained.fetchone()
        assert row is not None
        plan = row[0][0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.parametrize(
    "wanted",
    [
        ThreadSearch(),
        ThreadSearch(is_ascending=True, offset=50),
        ThreadSearch(sort_by="thread_id"),
        ThreadSearch(owner="ada"),
        ThreadSearch(owner="ada", is_ascending=True),
        ThreadSearch(owner="ada", sort_by="created_at"),
        ThreadSearch(owner="ada", sort_by="thread_id"),
        ThreadSearch(owner="ada", status="idle"),
        ThreadSearch(graph="agent"),
        ThreadSearch(graph="none"),
        ThreadSearch(status="busy"),
        ThreadSearch(status="interrupted"),
        ThreadSearch(status="error"),
        ThreadSearch(status="idle"),
        ThreadSearch(thread_ids=["t1", "t2", "none"]),
        ThreadSearch(metadata={"tenant": 7}),
        ThreadSearch(metadata={"tenant": 7777}),
        ThreadSearch(metadata={"kind": 0}, owner="ada"),
    ],
    ids=lambda wanted: f"{wanted.sort_by} {wanted.owner} {wanted.graph} {wanted.status} {wanted.metadata}",
)
async def test_a_page_of_threads_is_found_by_an_index(url: str, wanted: ThreadSearch) -> None:
    given = {
        "owner": wanted.owner,
        "graph": wanted.graph,
        "thread_ids": [*(wanted.thread_ids or ())],
        "metadata": Jsonb(wanted.metadata),
        "limit": wanted.limit,
        "offset": wanted.offset,
    }

    assert await read(url, search(wanted), given) < PAGES


@pytest.mark.parametrize("graphs", [["agent"], ["none"], ["agent", "none"]], ids=",".join)
@pytest.mark.parametrize(
    "statuses", [STATUSES, ["error"], ["cancelled"], ["success", "pending"]], ids=",".join
)
@pytest.mark.parametrize("before", [2**63 - 1, THREADS // 2])
async def test_a_page_of_runs_is_found_by_an_index(
    url: str, graphs: list[str], statuses: list[str], before: int
) -> None:
    given = {"graphs": graphs, "statuses": [*statuses], "before": before, "limit": 21, "owner": None}

    assert await read(url, OF_GRAPHS, given) < PAGES
    assert await read(url, OF_THREAD, given | {"thread_id": "t2"}) < PAGES


async def test_a_long_threads_questions_are_found_without_its_older_runs(url: str) -> None:
    assert await read(url, INTERRUPTED, {"thread_id": "t1"}) < PAGES
