"""Deletes checkpoints, and the messages that no other one has, inside a transaction that the caller began."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from seltzer.stores.checkpoints.spans import Span, difference, loads, numbers_of
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.checkpoints.messages import drop


def delete(
    connection: sqlite3.Connection,
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
    of, of_settled = json.dumps(list(seqs)), json.dumps(list(settled))
    lost = [*written, *spans_in(connection.execute(statements.LISTS_IN, (of, of)))]
    lost += spans_in(connection.execute(statements.LISTS_OF_RESULTS_ON, (of_settled,)))
    for statement, which in (
        (statements.DROP_RESULTS_ON, of_settled),
        (statements.DROP_WRITES_ON, of),
        (statements.DROP, of),
    ):
        connection.execute(statement, (which,))
    if not lost:
        return []
    near = json.dumps([*kept, *_beside(connection, thread_id, [*seqs, *settled])])
    doubtful = difference(lost, spans_in(connection.execute(statements.LISTS_IN, (near, near))))
    if not doubtful:
        return []
    others = connection.execute(statements.LISTS_FROM, {"thread_id": thread_id, "number": doubtful[0][0]})
    unused = difference(doubtful, spans_in(others))
    drop(connection, thread_id, unused)
    return list(numbers_of(unused))


def spans_in(rows: Iterable[Sequence[Any]]) -> list[Span]:
    """Return the spans of all lists in the rows, whose first column has a value's."""
    return [span for row in rows for spans in loads(row[0]).values() for span in spans]


def _beside(connection: sqlite3.Connection, thread_id: str, seqs: Collection[int]) -> list[int]:
    """Return the graph's own checkpoints just before all of these, and just after."""
    if not seqs:
        return []
    ends = {"thread_id": thread_id, "first": min(seqs), "last": max(seqs)}
    return [seq for (seq,) in connection.execute(statements.BESIDES, ends) if seq is not None]
