"""A page of the list of runs.

An index has the runs of one graph and status by their numbers: a page is merged from the newest of each,
and so costs the same whatever the filter and however many runs there are. Of the rows, which may be
wide, only those of the page are read.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from heapq import nlargest
from typing import Any, Final

import orjson

from seltzer.runs.run import RunSearch, RunSummary
from seltzer.stores.records import to_summary
from seltzer.stores.sqlite.sql.runs import to_datetime

_OF_STATUS: Final = """
SELECT number FROM runs INDEXED BY runs_by_graph
WHERE graph = :graph AND status = :status AND number < :before AND (:owner IS NULL OR owner = :owner)
ORDER BY number DESC LIMIT :limit
"""
_OF_THREAD: Final = """
SELECT number FROM runs INDEXED BY runs_by_thread
WHERE thread_id = :thread_id AND number < :before AND (:owner IS NULL OR owner = :owner)
    AND graph IN (SELECT value FROM json_each(:graphs)) AND status IN (SELECT value FROM json_each(:statuses))
ORDER BY number DESC LIMIT :limit
"""
_PAGE: Final = """
SELECT number, run_id, graph, thread_id, status, attempt, created_at, started_at, ended_at, last, stats
FROM runs WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number DESC
"""


def list_runs(connection: sqlite3.Connection, search: RunSearch) -> list[RunSummary]:
    """Return the runs that match, as Runs.search does."""
    find = _of_graphs if search.thread_id is None else _of_thread
    numbers = find(connection, search)
    return [_summary(row) for row in connection.execute(_PAGE, (orjson.dumps(numbers),))]


def _of_graphs(connection: sqlite3.Connection, search: RunSearch) -> Sequence[int]:
    given, found = _place(search), list[int]()
    for graph in set(search.graphs):
        for status in set(search.statuses):
            rows = connection.execute(_OF_STATUS, given | {"graph": graph, "status": status})
            found += [number for (number,) in rows]
    return nlargest(search.limit, found)


def _of_thread(connection: sqlite3.Connection, search: RunSearch) -> Sequence[int]:
    given = _place(search) | {
        "thread_id": search.thread_id,
        "graphs": orjson.dumps(list(search.graphs)),
        "statuses": orjson.dumps(list(search.statuses)),
    }
    return [number for (number,) in connection.execute(_OF_THREAD, given)]


def _place(search: RunSearch) -> dict[str, Any]:
    return {"before": search.below, "owner": search.owner, "limit": search.limit}


def _summary(row: sqlite3.Row) -> RunSummary:
    return to_summary(row, to_datetime(row["created_at"]), _time(row["started_at"]), _time(row["ended_at"]))


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else to_datetime(seconds)
