"""How a run ends by statements: as its attempt does, or as it is stopped before it has begun."""

from collections.abc import Sequence
from typing import Any

from seltzer.runs.event import Event, RunId
from seltzer.runs.run import STATUS_OF_LAST, AttemptStats, Run, Stop
from seltzer.stores.postgres.connections.database import Connection
from seltzer.stores.postgres.connections.queries import Row, fetch_one, there
from seltzer.stores.postgres.event_log import columns
from seltzer.stores.postgres.statements import runs as statements
from seltzer.stores.records import pack_last, pack_stats, to_run


def end_of(
    run_id: RunId,
    last: Event,
    retention_s: float,
    unwritten: Sequence[Event] = (),
    *,
    stats: AttemptStats | None = None,
) -> dict[str, Any]:
    """Return the parameters of a run's end by the event, which the log gets after the unwritten ones."""
    return columns({run_id: [*unwritten, last]}) | {
        "status": STATUS_OF_LAST[last.kind],
        "attempt": last.attempt,
        "last": pack_last(last),
        "stats": pack_stats(stats),
        "retention_s": retention_s,
    }


async def stop_run(connection: Connection, row: Row, how: Stop, retention_s: float) -> Run | None:
    """Stop the run, whose row is locked; return it if that has ended it."""
    if row["status"] == "pending":
        run_id, last = row["run_id"], Event(row["attempt"] + 1, 1, "cancelled", {})
        end = end_of(run_id, last, retention_s) | {"output": None, "touched": True, "number": row["number"]}
        await connection.execute(statements.END_PENDING.encode(), end)
        return run_of(there(await fetch_one(connection, statements.GET, {"run_id": run_id, "owner": None})))
    if row["status"] == "running":
        await connection.execute(statements.STOP_RUNNING, (how, row["number"]))
    return None


def run_of(row: Row) -> Run:
    """Return the run of a row."""
    return to_run(row, row["created_at"])
