"""The statements on the tables of the threads' states, which migrations/0006_numbered_messages.sql makes."""

from collections.abc import Sequence
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import get_checkpoint_id

from seltzer.stores.checkpoints.metadata import dump_metadata, wanted

PUT: Final = """
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, source, run_id,
    has_delta, metadata, type, checkpoint, lists, top)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO UPDATE SET
    parent_checkpoint_id = excluded.parent_checkpoint_id, source = excluded.source, run_id = excluded.run_id,
    has_delta = excluded.has_delta, metadata = excluded.metadata, type = excluded.type,
    checkpoint = excluded.checkpoint, lists = excluded.lists, top = excluded.top
"""
_PUT_WRITES = """
INSERT INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, run_id,
    type, value, lists, top)
VALUES %s
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, run_id)
"""
PUT_PLAIN: Final = f"{_PUT_WRITES} DO NOTHING"
PUT_SPECIAL: Final = f"""{_PUT_WRITES} DO UPDATE SET
    task_path = excluded.task_path, channel = excluded.channel, type = excluded.type, value = excluded.value,
    lists = excluded.lists, top = excluded.top
"""
PUT_MESSAGES: Final = "INSERT INTO checkpoint_messages (thread_id, number, digest, type, blob) VALUES %s"
LAST_NUMBER: Final = "SELECT coalesce(max(number), 0) FROM checkpoint_messages WHERE thread_id = ?"
GET_NUMBERS: Final = "SELECT digest, number FROM checkpoint_messages WHERE thread_id = ? AND digest IN (%s)"
GET_MESSAGES: Final = """
SELECT number, type, blob FROM checkpoint_messages WHERE thread_id = ? AND number >= ? AND number < ?
"""

NEWEST: Final = "thread_id = ? AND checkpoint_ns = ? ORDER BY seq DESC LIMIT 1"
BY_ID: Final = "thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?"
# Before a checkpoint; if that isn't kept any more, before the first one whose id has a later time.
_OTHERS = "FROM checkpoints AS other WHERE other.thread_id = {thread}"
_BEFORE = f"""seq < coalesce(
    (SELECT other.seq {_OTHERS} AND other.checkpoint_id = ?),
    (SELECT min(other.seq) {_OTHERS} AND other.checkpoint_id > ?),
    (SELECT max(other.seq) + 1 {_OTHERS})
)"""
# The checkpoint's row (its first column is 0), and those of its writes (there it grows from old to new).
LOAD: Final = """
WITH found AS MATERIALIZED (SELECT seq FROM checkpoints WHERE %s)
SELECT 0 AS seq, thread_id, checkpoint_ns, type, checkpoint, checkpoint_id, parent_checkpoint_id, metadata,
    lists
FROM found JOIN checkpoints USING (seq)
UNION ALL
SELECT w.seq, w.task_id, w.task_path, w.type, w.value, w.channel, NULL, w.idx, w.lists
FROM found JOIN checkpoints AS c USING (seq)
    JOIN writes AS w USING (thread_id, checkpoint_ns, checkpoint_id)
"""

ROWS: Final = """
SELECT seq, checkpoint_ns, source, has_delta, checkpoint_id, parent_checkpoint_id, EXISTS (
    SELECT 1 FROM writes AS w WHERE w.thread_id = c.thread_id AND w.checkpoint_ns = c.checkpoint_ns
        AND w.checkpoint_id = c.checkpoint_id AND w.idx = :interrupt
)
FROM checkpoints AS c WHERE thread_id = :thread_id AND seq >= :since ORDER BY seq
"""
TREE: Final = """
SELECT checkpoint_id, parent_checkpoint_id, source, run_id
FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = '' ORDER BY seq
"""
NAMESPACES: Final = "SELECT DISTINCT checkpoint_ns FROM checkpoints WHERE thread_id = ?"
SEQS_OF_RUNS: Final = """
SELECT seq FROM checkpoints WHERE thread_id = ? AND run_id IN (SELECT value FROM json_each(?))
"""
_BESIDES = "FROM checkpoints WHERE thread_id = :thread_id AND checkpoint_ns = '' AND seq"
# The graph's own newest checkpoint before some, and its oldest one after them.
BESIDES: Final = f"""
SELECT max(seq) {_BESIDES} < :first UNION ALL SELECT min(seq) {_BESIDES} > :last
"""
REASSIGN: Final = (
    """
    UPDATE checkpoints SET
        run_id = :to, metadata = CAST(json_set(CAST(metadata AS TEXT), '$.run_id', :to) AS BLOB)
    WHERE thread_id = :thread_id AND run_id = :run_id
    """,
    "UPDATE OR REPLACE writes SET run_id = :to WHERE thread_id = :thread_id AND run_id = :run_id",
)
_OF = "seq IN (SELECT value FROM json_each(?))"
_WRITES_ON = f"""
SELECT w.seq FROM checkpoints AS c JOIN writes AS w USING (thread_id, checkpoint_ns, checkpoint_id)
WHERE c.{_OF}
"""
LISTS_IN: Final = f"""
SELECT lists FROM checkpoints WHERE {_OF} AND lists IS NOT NULL
UNION ALL SELECT lists FROM writes WHERE seq IN ({_WRITES_ON}) AND lists IS NOT NULL
"""
LISTS_FROM: Final = """
SELECT lists FROM checkpoints WHERE thread_id = :thread_id AND top >= :number
UNION ALL SELECT lists FROM writes WHERE thread_id = :thread_id AND top >= :number
"""
_BY_RUNS = "FROM writes WHERE thread_id = ? AND run_id IN (SELECT value FROM json_each(?))"
LISTS_BY_RUNS: Final = f"SELECT lists {_BY_RUNS} AND lists IS NOT NULL"
DROP_WRITES_OF_RUNS: Final = f"DELETE {_BY_RUNS}"
DROP_WRITES_ON: Final = f"DELETE FROM writes WHERE seq IN ({_WRITES_ON})"
DROP_RESULTS_ON: Final = f"{DROP_WRITES_ON} AND idx >= 0"
LISTS_OF_RESULTS_ON: Final = (
    f"SELECT lists FROM writes WHERE seq IN ({_WRITES_ON}) AND idx >= 0 AND lists IS NOT NULL"
)
DROP: Final = f"DELETE FROM checkpoints WHERE {_OF}"
SET_PARENT: Final = "UPDATE checkpoints SET parent_checkpoint_id = ? WHERE seq = ?"
DROP_MESSAGES: Final = "DELETE FROM checkpoint_messages WHERE thread_id = ? AND number >= ? AND number < ?"


def listing(
    config: RunnableConfig | None,
    filter: dict[str, Any] | None,
    before: RunnableConfig | None,
    limit: int | None,
) -> tuple[str, Sequence[Any]]:
    """Return the statement that selects the places of SqliteSaver.alist's checkpoints, and its parameters."""
    conditions: list[str] = []
    values: list[Any] = []
    if config is not None:
        configurable = config["configurable"]
        places = {"thread_id": configurable["thread_id"], "checkpoint_ns": configurable.get("checkpoint_ns")}
        for column, value in {**places, "checkpoint_id": get_checkpoint_id(config)}.items():
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
    for key, value in wanted(filter).items():
        conditions.append("json_extract(CAST(metadata AS TEXT), ?) IS ?")
        is_json = isinstance(value, dict | list)
        values += [f'$."{key}"', dump_metadata(value).decode() if is_json else value]
    if before is not None:
        # With the thread as a parameter, the condition is evaluated once, and not for each row.
        thread, of = ("checkpoints.thread_id", ()) if config is None else ("?", (places["thread_id"],))
        conditions.append(_BEFORE.format(thread=thread))
        values += [*of, get_checkpoint_id(before), *of, get_checkpoint_id(before), *of]
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    values.append(-1 if limit is None else limit)
    return (
        f"SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints {where} ORDER BY seq DESC LIMIT ?",
        values,
    )
