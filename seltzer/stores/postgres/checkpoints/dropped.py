"""Deletes checkpoints, and the messages that no other one has, inside a transaction that the caller began."""

from collections.abc import Collection, Iterable

from seltzer.stores.checkpoints.spans import Span, difference, loads, numbers_of
from seltzer.stores.postgres.checkpoints import statements
from seltzer.stores.postgres.connections.database import Connection
from seltzer.stores.postgres.connections.queries import Row, fetch_all


async def delete(
    connection: Connection,
    thread_id: str,
    seqs: Collection[int],
    *,
    kept: Collection[int] = (),
    settled: Collection[int] = (),
    written: Iterable[Span] = (),
) -> list[int]:
    """Delete the checkpoints, the writes on them, and the messages that nothing has any more; return these.

    kept: checkpoints that stay; together with those beside the deleted ones they usually have all that these
    have, so that no more need be read. settled: those of them from which no task's results are needed: these
    are deleted too. written: the lists of writes that were deleted.
    """
    of, of_settled = {"seqs": [*seqs]}, {"seqs": [*settled]}
    lost = [*written, *spans_in(await fetch_all(connection, statements.LISTS_IN, of))]
    lost += spans_in(await fetch_all(connection, statements.LISTS_OF_RESULTS_ON, of_settled))
    for statement, which in (
        (statements.DROP_RESULTS_ON, of_settled),
        (statements.DROP_WRITES_ON, of),
        (statements.DROP, of),
    ):
        await connection.execute(statement.encode(), which)
    if not lost:
        return []
    near = {"seqs": [*kept, *await _beside(connection, thread_id, [*seqs, *settled])]}
    doubtful = difference(lost, spans_in(await fetch_all(connection, statements.LISTS_IN, near)))
    if not doubtful:
        return []
    await connection.execute(statements.LOCK_DOUBTFUL.encode(), (thread_id, [*numbers_of(doubtful)]))
    since = {"thread_id": thread_id, "number": doubtful[0][0]}
    others = await fetch_all(connection, statements.LISTS_FROM, since)
    unused = [*numbers_of(difference(doubtful, spans_in(others)))]
    if unused:
        await connection.execute(statements.BEGIN_EPOCH.encode(), (thread_id,))
        await connection.execute(statements.DROP_MESSAGES.encode(), (thread_id, unused))
    return unused


def spans_in(rows: Iterable[Row]) -> list[Span]:
    """Return the spans of all lists in the rows."""
    return [span for row in rows for spans in loads(row["lists"]).values() for span in spans]


async def _beside(connection: Connection, thread_id: str, seqs: Collection[int]) -> list[int]:
    """Return the graph's own checkpoints just before all of these, and just after."""
    if not seqs:
        return []
    ends = {"thread_id": thread_id, "first": min(seqs), "last": max(seqs)}
    rows = await fetch_all(connection, statements.BESIDES, ends)
    return [row["seq"] for row in rows if row["seq"] is not None]
