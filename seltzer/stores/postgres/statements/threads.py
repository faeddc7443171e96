"""The statements on threads."""

from typing import Final, Literal

from seltzer.stores.postgres.statements.runs import ACTIVE, COLUMNS, COUNTS

_OF_RUNS: Final = ", ".join(f"runs.{each.strip()}" for each in COLUMNS.split(","))
_THREADS: Final = f"""
SELECT {_OF_RUNS}, threads.graph AS thread_graph, threads.title AS thread_title,
    threads.created_at AS thread_created_at, threads.updated_at AS thread_updated_at,
    threads.thread_id AS thread_thread_id, threads.owner AS thread_owner, threads.metadata AS thread_metadata
FROM seltzer.threads LEFT JOIN seltzer.runs USING (number)
"""
_OF_OWNER: Final = "(%(owner)s::text IS NULL OR threads.owner = %(owner)s)"
_STATUS: Final = """
CASE WHEN status IN ('pending', 'running') THEN 'busy' WHEN status IN ('interrupted', 'error') THEN status
    ELSE 'idle' END
"""
_MATCHES: Final = f"""
{_OF_OWNER} AND (%(graph)s::text IS NULL OR threads.graph = %(graph)s)
    AND (%(thread_ids)s::text[] IS NULL OR threads.thread_id = ANY(%(thread_ids)s))
    AND (%(status)s::text IS NULL OR %(status)s = {_STATUS})
    AND threads.metadata @> %(metadata)s
"""
_ORDER: Final = {
    "created_at": "threads.created_at",
    "updated_at": "threads.updated_at",
    "thread_id": "threads.thread_id",
    "status": _STATUS,
}

FIND: Final = f"{_THREADS} WHERE threads.thread_id = %(thread_id)s AND {_OF_OWNER}"
LOCK: Final = "SELECT 1 FROM seltzer.threads WHERE thread_id = %s FOR UPDATE"
CREATE: Final = """
INSERT INTO seltzer.threads
    (thread_id, owner, graph, title, title_folded, created_at, updated_at, number, metadata)
VALUES (%(thread_id)s, %(owner)s, %(graph)s, %(title)s, %(title_folded)s, seltzer.clock(), seltzer.clock(), 0,
    %(metadata)s)
ON CONFLICT (thread_id) DO NOTHING RETURNING thread_id
"""
LIST: Final = f"""
{_THREADS} WHERE threads.graph = %(graph)s AND threads.number > 0
    AND (%(query)s = '' OR strpos(title_folded, %(query)s) > 0)
    AND (%(before)s::bigint IS NULL OR threads.number < %(before)s) AND {_OF_OWNER}
ORDER BY threads.number DESC LIMIT %(limit)s
"""
COUNT: Final = f"""
SELECT count(*) FROM seltzer.threads LEFT JOIN seltzer.runs USING (number) WHERE {_MATCHES}
"""
HAS_RUN: Final = "SELECT 1 FROM seltzer.runs WHERE thread_id = %s AND graph = %s LIMIT 1"
ENDED_NEWEST_FIRST: Final = f"""
SELECT run_id, status FROM seltzer.runs WHERE thread_id = %s AND {COUNTS} AND NOT ({ACTIVE})
ORDER BY number DESC
"""
RENAME: Final = f"""
UPDATE seltzer.threads SET title = %(title)s, title_folded = %(title_folded)s
WHERE thread_id = %(thread_id)s AND {_OF_OWNER}
"""
ADD_METADATA: Final = f"""
UPDATE seltzer.threads SET metadata = metadata || %(metadata)s, updated_at = seltzer.clock()
WHERE thread_id = %(thread_id)s AND {_OF_OWNER}
"""
ACTIVE_ON: Final = f"""
SELECT run_id FROM seltzer.runs WHERE thread_id = %s AND {ACTIVE} ORDER BY number LIMIT 1
"""
STORAGE: Final = """
WITH states AS (
    SELECT count(*) AS checkpoints,
        sum(length(checkpoint) + octet_length(metadata) + coalesce(octet_length(lists), 0)) AS bytes
    FROM seltzer.checkpoints WHERE thread_id = %(thread_id)s
), results AS (
    SELECT sum(length(value) + coalesce(octet_length(lists), 0)) AS bytes
    FROM seltzer.writes WHERE thread_id = %(thread_id)s
), texts AS (
    SELECT count(*) AS messages, sum(length(blob)) AS bytes
    FROM seltzer.messages WHERE thread_id = %(thread_id)s
), executed AS (
    SELECT count(*) AS runs, sum(
        length(configurable) + coalesce(length(input), 0) + coalesce(length(answers), 0)
            + coalesce(length(last), 0) + coalesce(length(output), 0)
    ) AS bytes
    FROM seltzer.runs WHERE thread_id = %(thread_id)s
), emitted AS (
    SELECT sum(length(body)) AS bytes
    FROM seltzer.events JOIN seltzer.runs ON run = number WHERE thread_id = %(thread_id)s
)
SELECT checkpoints, messages, runs,
    (coalesce(states.bytes, 0) + coalesce(results.bytes, 0))::bigint AS states_bytes,
    coalesce(texts.bytes, 0)::bigint AS messages_bytes,
    coalesce(executed.bytes, 0)::bigint AS runs_bytes,
    coalesce(emitted.bytes, 0)::bigint AS events_bytes
FROM states, results, texts, executed, emitted
"""


def search(sort_by: Literal["created_at", "updated_at", "thread_id", "status"], *, is_ascending: bool) -> str:
    """Return the statement of a search: what matches, in that order, page by page."""
    order = f"{_ORDER[sort_by]} {'ASC' if is_ascending else 'DESC'}"
    return (
        f"{_THREADS} WHERE {_MATCHES} ORDER BY {order}, threads.thread_id LIMIT %(limit)s OFFSET %(offset)s"
    )
