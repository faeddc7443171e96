"""What a thread takes in the file. Lengths are read without the content, which may be large."""

import sqlite3
from typing import Final

from seltzer.runs.thread import ThreadStorage

_CONTENT: Final = """
WITH RECURSIVE chain AS (
    SELECT previous, length(body) AS size FROM events
    WHERE row_id IN (SELECT last_row FROM logs JOIN runs USING (run_id) WHERE thread_id = :thread_id)
    UNION ALL
    SELECT events.previous, length(events.body) FROM chain JOIN events ON events.row_id = chain.previous
)
SELECT 'checkpoints', count(*), total(length(checkpoint) + length(metadata) + coalesce(length(lists), 0))
FROM checkpoints WHERE thread_id = :thread_id
UNION ALL
SELECT 'writes', count(*), total(length(value) + coalesce(length(lists), 0))
FROM writes WHERE thread_id = :thread_id
UNION ALL
SELECT 'messages', count(*), total(length(blob)) FROM checkpoint_messages WHERE thread_id = :thread_id
UNION ALL
SELECT 'runs', count(*), total(
    length(configurable) + coalesce(length(input), 0) + coalesce(length(answers), 0)
        + coalesce(length(last), 0) + coalesce(length(output), 0)
)
FROM runs WHERE thread_id = :thread_id
UNION ALL
SELECT 'events', count(*), total(size) FROM chain
"""


def storage(connection: sqlite3.Connection, thread_id: str) -> ThreadStorage:
    """Return what the thread takes."""
    rows = connection.execute(_CONTENT, {"thread_id": thread_id})
    found = {kind: (count, int(size)) for kind, count, size in rows}
    return ThreadStorage(
        checkpoints=found["checkpoints"][0],
        messages=found["messages"][0],
        runs=found["runs"][0],
        states_bytes=found["checkpoints"][1] + found["writes"][1],
        messages_bytes=found["messages"][1],
        runs_bytes=found["runs"][1],
        events_bytes=found["events"][1],
    )
