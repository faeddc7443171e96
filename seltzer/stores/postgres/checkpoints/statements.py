"""The statements on the tables of the threads' states, which migrations/0002_checkpoints.sql makes."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import orjson
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import get_checkpoint_id

from seltzer.stores.checkpoints.metadata import wanted

# What an attempt writes whose row isn't running it, isn't written. The row is locked as a claim would: no
# other attempt begins between this look and the commit.
_FENCE: Final = """
WITH fence AS MATERIALIZED (
    SELECT 1 FROM seltzer.runs WHERE run_id = %(fence_run)s AND attempt = %(fence_attempt)s
        AND status = 'running' FOR KEY SHARE
)
"""
IS_RUNNING: Final = """
SELECT 1 FROM seltzer.runs WHERE run_id = %(run_id)s AND attempt = %(attempt)s AND status = 'running'
FOR KEY SHARE
"""
_NO_FENCE: Final = "WITH fence AS (SELECT 1)"
_MAY_WRITE: Final = """
referred AS MATERIALIZED (
    SELECT number, digest FROM seltzer.messages
    WHERE thread_id = %(thread_id)s AND number = ANY(%(numbers)s::bigint[]) ORDER BY number FOR KEY SHARE
), may_write AS MATERIALIZED (
    SELECT 1 FROM fence WHERE NOT EXISTS (
        SELECT * FROM unnest(%(numbers)s::bigint[], %(digests)s::bytea[])
        EXCEPT SELECT number, digest FROM referred
    )
)
"""
_HAS_WRITTEN: Final = """
SELECT EXISTS (SELECT 1 FROM fence) AS may_pass, EXISTS (SELECT 1 FROM may_write) AS has_written
"""

_OF_LISTS: Final = {"type": "text", "blob": "bytea", "lists": "text", "top": "bigint"}
_OF_WRITES: Final = {
    "checkpoint_ns": "text",
    "checkpoint_id": "text",
    "task_id": "text",
    "task_path": "text",
    "idx": "integer",
    "channel": "text",
    "run_id": "text",
    **_OF_LISTS,
}
# What put() writes: checkpoints, what tasks wrote, and what LangGraph itself notes of a task.
COLUMNS: Final[dict[str, dict[str, str]]] = {
    "state": {
        "checkpoint_ns": "text",
        "checkpoint_id": "text",
        "parent_id": "text",
        "source": "text",
        "run_id": "text",
        "has_delta": "boolean",
        "metadata": "text",
        **_OF_LISTS,
    },
    "result": _OF_WRITES,
    "note": _OF_WRITES,
}
_CHECKPOINTS: Final = """checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, source,
    run_id, has_delta, metadata, type, checkpoint, lists, top)"""
_WRITES: Final = """writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, run_id,
    type, value, lists, top)"""
_TABLES: Final = {"state": _CHECKPOINTS, "result": _WRITES, "note": _WRITES}
_IF_THERE: Final = {
    "state": """(thread_id, checkpoint_ns, checkpoint_id) DO UPDATE SET
        parent_checkpoint_id = excluded.parent_checkpoint_id, source = excluded.source,
        run_id = excluded.run_id, has_delta = excluded.has_delta, metadata = excluded.metadata,
        type = excluded.type, checkpoint = excluded.checkpoint, lists = excluded.lists, top = excluded.top""",
    "result": "(thread_id, checkpoint_ns, checkpoint_id, task_id, idx, run_id) DO NOTHING",
    "note": """(thread_id, checkpoint_ns, checkpoint_id, task_id, idx, run_id) DO UPDATE SET
        task_path = excluded.task_path, channel = excluded.channel, type = excluded.type,
        value = excluded.value, lists = excluded.lists, top = excluded.top""",
}


@cache
def put(tables: frozenset[str], *, is_fenced: bool) -> str:
    """Return the statement that writes rows to these of the tables, in the order of their arrays.

    Its parameters are those of the fence, thread_id, `{table}_{column}` with an array for each column, and
    numbers and digests: the messages that the rows refer to. Nobody deletes these before the commit. It
    returns two flags: whether the fence lets the writer pass, and whether it has written. It hasn't if one of
    the messages isn't stored: it was deleted meanwhile, or a crash has lost it.
    """
    written = [f"{table} AS ({_insert(table)})" for table in COLUMNS if table in tables]
    return f"{', '.join([_FENCE if is_fenced else _NO_FENCE, _MAY_WRITE, *written])} {_HAS_WRITTEN}"


def put_messages(*, is_fenced: bool) -> str:
    """Return the statement that stores messages. Its parameters are those of the fence, and its arrays."""
    return _PUT_FENCED if is_fenced else _PUT_UNFENCED


def _insert(table: str) -> str:
    columns = COLUMNS[table]
    arrays = ", ".join(f"%({table}_{name})s::{kind}[]" for name, kind in columns.items())
    names = ", ".join(columns)
    return f"""
    INSERT INTO seltzer.{_TABLES[table]}
    SELECT %(thread_id)s, {names}
    FROM may_write, unnest({arrays}) WITH ORDINALITY AS given ({names}, place)
    ORDER BY place
    ON CONFLICT {_IF_THERE[table]}
    """


# The numbers of messages, new ones given to those that aren't stored. Fewer rows: others store them now. One
# without a digest: the attempt's row isn't running it, and nothing was stored.
# It isn't worth a wait for the disk: what refers to them is written later, looks for them, and waits.
_PUT_MESSAGES: Final = """
{fence}, given AS (
    SELECT * FROM unnest(%(digests)s::bytea[], %(types)s::text[], %(blobs)s::bytea[])
        WITH ORDINALITY AS given (digest, type, blob, place)
), stored AS (
    SELECT digest, number FROM seltzer.messages
    WHERE thread_id = %(thread_id)s AND digest = ANY(%(digests)s::bytea[])
), missing AS (
    SELECT digest, type, blob, row_number() OVER (ORDER BY place) AS place, count(*) OVER () AS count
    FROM given WHERE digest NOT IN (SELECT digest FROM stored)
), numbers AS (
    INSERT INTO seltzer.message_numbers (thread_id, last)
    SELECT %(thread_id)s, (nextval('seltzer.message_blocks') << 24) + count(*)
    FROM missing, fence HAVING count(*) > 0
    ON CONFLICT (thread_id) DO UPDATE SET
        last = message_numbers.last + (SELECT count(*) FROM missing)
    RETURNING last
), added AS (
    INSERT INTO seltzer.messages (thread_id, number, digest, type, blob)
    SELECT %(thread_id)s, last - count + place, digest, type, blob FROM missing, numbers
    ON CONFLICT DO NOTHING RETURNING digest, number
)
SELECT digest, number, set_config('synchronous_commit', 'off', true) FROM added
UNION ALL SELECT digest, number, NULL FROM stored
UNION ALL SELECT NULL, NULL, NULL WHERE NOT EXISTS (SELECT 1 FROM fence)
"""
_PUT_FENCED, _PUT_UNFENCED = (_PUT_MESSAGES.format(fence=each) for each in (_FENCE.strip(), _NO_FENCE))
GET_MESSAGES: Final = """
SELECT number, type, blob FROM seltzer.messages WHERE thread_id = %s AND number = ANY(%s)
"""

# What was deleted with its thread isn't found, though it isn't erased yet.
_SHOWN: Final = "thread_id NOT IN (SELECT erased.thread_id FROM seltzer.erased_threads AS erased)"
NEWEST: Final = f"thread_id = %s AND checkpoint_ns = %s AND {_SHOWN} ORDER BY seq DESC LIMIT 1"
BY_ID: Final = f"thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s AND {_SHOWN}"
# The checkpoint's row (its first column is 0), and those of its writes (there it grows from old to new).
LOAD: Final = """
WITH found AS MATERIALIZED (SELECT * FROM seltzer.checkpoints WHERE {which})
SELECT 0 AS seq, thread_id, checkpoint_ns, type, checkpoint, checkpoint_id, parent_checkpoint_id, metadata,
    lists, 0 AS idx, (SELECT epoch FROM seltzer.message_numbers AS n WHERE n.thread_id = found.thread_id)
FROM found
UNION ALL
SELECT w.seq, w.task_id, w.task_path, w.type, w.value, w.channel, NULL, NULL, w.lists, w.idx, NULL
FROM found JOIN seltzer.writes AS w USING (thread_id, checkpoint_ns, checkpoint_id)
"""

ROWS: Final = """
SELECT seq, checkpoint_ns, source, has_delta, checkpoint_id, parent_checkpoint_id, EXISTS (
    SELECT 1 FROM seltzer.writes AS w WHERE w.thread_id = c.thread_id AND w.checkpoint_ns = c.checkpoint_ns
        AND w.checkpoint_id = c.checkpoint_id AND w.idx = %(interrupt)s
) AS has_asked
FROM seltzer.checkpoints AS c WHERE thread_id = %(thread_id)s AND seq >= %(since)s ORDER BY seq
"""
TREE: Final = f"""
SELECT checkpoint_id, parent_checkpoint_id, source, run_id
FROM seltzer.checkpoints WHERE thread_id = %s AND checkpoint_ns = '' AND {_SHOWN} ORDER BY seq
"""
NAMESPACES: Final = (
    f"SELECT DISTINCT checkpoint_ns FROM seltzer.checkpoints WHERE thread_id = %s AND {_SHOWN}"
)
SEQS_OF_RUNS: Final = "SELECT seq FROM seltzer.checkpoints WHERE thread_id = %s AND run_id = ANY(%s)"
_BESIDES: Final = "FROM seltzer.checkpoints WHERE thread_id = %(thread_id)s AND checkpoint_ns = '' AND seq"
# The graph's own newest checkpoint before some, and its oldest one after them.
BESIDES: Final = f"""
SELECT max(seq) AS seq {_BESIDES} < %(first)s UNION ALL SELECT min(seq) {_BESIDES} > %(last)s
"""
REASSIGN: Final = (
    """
    UPDATE seltzer.checkpoints SET
        run_id = %(to)s, metadata = jsonb_set(metadata::jsonb, '{run_id}', to_jsonb(%(to)s::text))::text
    WHERE thread_id = %(thread_id)s AND run_id = %(run_id)s
    """,
    """
    DELETE FROM seltzer.writes AS there USING seltzer.writes AS moved
    WHERE moved.thread_id = %(thread_id)s AND moved.run_id = %(run_id)s AND there.run_id = %(to)s
        AND (there.thread_id, there.checkpoint_ns, there.checkpoint_id, there.task_id, there.idx)
            = (moved.thread_id, moved.checkpoint_ns, moved.checkpoint_id, moved.task_id, moved.idx)
    """,
    "UPDATE seltzer.writes SET run_id = %(to)s WHERE thread_id = %(thread_id)s AND run_id = %(run_id)s",
)
_WRITES_ON: Final = """
SELECT w.seq FROM seltzer.checkpoints AS c
    JOIN seltzer.writes AS w USING (thread_id, checkpoint_ns, checkpoint_id)
WHERE c.seq = ANY(%(seqs)s)
"""
LISTS_IN: Final = f"""
SELECT lists FROM seltzer.checkpoints WHERE seq = ANY(%(seqs)s) AND lists IS NOT NULL
UNION ALL SELECT lists FROM seltzer.writes WHERE seq IN ({_WRITES_ON}) AND lists IS NOT NULL
"""
LISTS_FROM: Final = """
SELECT lists FROM seltzer.checkpoints WHERE thread_id = %(thread_id)s AND top >= %(number)s
UNION ALL SELECT lists FROM seltzer.writes WHERE thread_id = %(thread_id)s AND top >= %(number)s
"""
_BY_RUNS: Final = "FROM seltzer.writes WHERE thread_id = %s AND run_id = ANY(%s)"
LISTS_BY_RUNS: Final = f"SELECT lists {_BY_RUNS} AND lists IS NOT NULL"
DROP_WRITES_OF_RUNS: Final = f"DELETE {_BY_RUNS}"
DROP_WRITES_ON: Final = f"DELETE FROM seltzer.writes WHERE seq IN ({_WRITES_ON})"
DROP_RESULTS_ON: Final = f"{DROP_WRITES_ON} AND idx >= 0"
LISTS_OF_RESULTS_ON: Final = (
    f"SELECT lists FROM seltzer.writes WHERE seq IN ({_WRITES_ON}) AND idx >= 0 AND lists IS NOT NULL"
)
DROP: Final = "DELETE FROM seltzer.checkpoints WHERE seq = ANY(%(seqs)s)"
SET_PARENTS: Final = """
UPDATE seltzer.checkpoints SET parent_checkpoint_id = given.parent
FROM unnest(%s::bigint[], %s::text[]) AS given (seq, parent) WHERE checkpoints.seq = given.seq
"""
# Whoever wants to refer to one of these now waits until they are deleted, and whoever does already is seen by
# the statements after this one.
LOCK_DOUBTFUL: Final = """
SELECT number FROM seltzer.messages WHERE thread_id = %s AND number = ANY(%s) ORDER BY number FOR UPDATE
"""
BEGIN_EPOCH: Final = "UPDATE seltzer.message_numbers SET epoch = DEFAULT WHERE thread_id = %s"
DROP_MESSAGES: Final = "DELETE FROM seltzer.messages WHERE thread_id = %s AND number = ANY(%s)"

# Before a checkpoint; if that isn't kept any more, before the first one whose id has a later time.
_OTHERS: Final = "FROM seltzer.checkpoints AS other WHERE other.thread_id = checkpoints.thread_id"
_BEFORE: Final = f"""seq < coalesce(
    (SELECT min(other.seq) {_OTHERS} AND other.checkpoint_id = %s),
    (SELECT min(other.seq) {_OTHERS} AND other.checkpoint_id > %s),
    (SELECT max(other.seq) + 1 {_OTHERS})
)"""


def listing(
    config: RunnableConfig | None,
    filter: dict[str, Any] | None,
    before: RunnableConfig | None,
    limit: int | None,
) -> tuple[str, Sequence[Any]]:
    """Return the statement that selects the places of alist()'s checkpoints, and its parameters."""
    conditions = [_SHOWN]
    values: list[Any] = []
    if config is not None:
        configurable = config["configurable"]
        places = {"thread_id": configurable["thread_id"], "checkpoint_ns": configurable.get("checkpoint_ns")}
        for column, value in {**places, "checkpoint_id": get_checkpoint_id(config)}.items():
            if value is not None:
                conditions.append(f"{column} = %s")
                values.append(str(value))
    for key, value in wanted(filter).items():
        conditions.append("coalesce(metadata::jsonb -> %s, 'null') = %s::jsonb")
        values += [key, orjson.dumps(value).decode()]
    if before is not None:
        conditions.append(_BEFORE)
        values += [get_checkpoint_id(before)] * 2
    return (
        "SELECT thread_id, checkpoint_ns, checkpoint_id FROM seltzer.checkpoints"
        f" WHERE {' AND '.join(conditions)}"
        " ORDER BY seq DESC LIMIT %s",
        [*values, limit],
    )
