"""The statements on threads."""

from typing import Final

from seltzer.runs.thread import ThreadSearch
from seltzer.stores.postgres.statements.runs import ACTIVE, COLUMNS, COUNTS

_OF_RUNS: Final = ", ".join(f"runs.{each.strip()}" for each in COLUMNS.split(","))
_SELECTED: Final = f"""
SELECT {_OF_RUNS}, threads.graph AS thread_graph, threads.title AS thread_title,
    threads.created_at AS thread_created_at, threads.updated_at AS thread_updated_at,
    threads.thread_id AS thread_thread_id, threads.owner AS thread_owner, threads.metadata AS thread_metadata
"""
_THREADS: Final = f"{_SELECTED} FROM seltzer.threads LEFT JOIN seltzer.runs USING (number)"
_OF_OWNER: Final = "(%(owner)s::text IS NULL OR threads.owner = %(owner)s)"
_STATUS: Final = """
CASE WHEN status IN ('pending', 'running') THEN 'busy' WHEN status IN ('interrupted', 'error') THEN status
    ELSE 'idle' END
"""
_NEWEST_IS: Final = """EXISTS (
    SELECT 1 FROM seltzer.runs
    WHERE runs.number = threads.number AND runs.thread_id = threads.thread_id AND {}
)"""
# By the status of a thread; each has an index, but for the usual one.
_OF_STATUS: Final[dict[str, str]] = {
    "busy": _NEWEST_IS.format(ACTIVE),
    "interrupted": _NEWEST_IS.format("status = 'interrupted'"),
    "error": _NEWEST_IS.format("status = 'error'"),
    "idle": "NOT " + _NEWEST_IS.format("status NOT IN ('success', 'cancelled')"),
}
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
HAS_RUN: Final = "SELECT 1 FROM seltzer.runs WHERE thread_id = %s AND graph = %s LIMIT 1"
# The interrupted runs after the newest of those that ended otherwise.
INTERRUPTED: Final = f"""
SELECT run_id FROM seltzer.runs WHERE thread_id = %(thread_id)s AND {COUNTS} AND status = 'interrupted'
    AND number > coalesce((
        SELECT number FROM seltzer.runs
        WHERE thread_id = %(thread_id)s AND {COUNTS} AND NOT ({ACTIVE}) AND status <> 'interrupted'
        ORDER BY number DESC LIMIT 1
    ), 0)
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


def search(search: ThreadSearch) -> str:
    """Return the statement of a search: what matches, in its order, one page.

    It has the conditions that are given, and no others: a plan for all of them would be one for none. Runs
    are looked up for the page alone, unless their status is what threads are ordered by.
    """
    order = f"{_ORDER[search.sort_by]} {'ASC' if search.is_ascending else 'DESC'}, threads.thread_id"
    page = f"ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s"
    if search.sort_by == "status":
        return f"{_THREADS} WHERE {_matches(search)} {page}"
    found = f"SELECT * FROM seltzer.threads WHERE {_matches(search)} {page}"
    return f"{_SELECTED} FROM ({found}) AS threads LEFT JOIN seltzer.runs USING (number) ORDER BY {order}"


def count(search: ThreadSearch) -> str:
    """Return the statement that counts what matches."""
    return f"SELECT count(*) FROM seltzer.threads WHERE {_matches(search)}"


def _matches(search: ThreadSearch) -> str:
    conditions = {
        "threads.owner = %(owner)s": search.owner is not None,
        "threads.graph = %(graph)s": search.graph is not None,
        "threads.thread_id = ANY(%(thread_ids)s)": search.thread_ids is not None,
        "threads.metadata @> %(metadata)s": bool(search.metadata),
        _OF_STATUS.get(search.status or "", ""): search.status is not None,
    }
    return " AND ".join([condition for condition, is_given in conditions.items() if is_given] or ["true"])
