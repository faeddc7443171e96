"""The statements on the runs' rows, and on those of their threads as runs come and go."""

from typing import Final

from seltzer.stores.postgres.statements.events import OF_RUN
from seltzer.stores.postgres.statements.processes import IS_DEAD

ACTIVE: Final = "status IN ('pending', 'running')"
# A run that ended without touching its thread is never the newest one there.
COUNTS: Final = f"(has_touched OR {ACTIVE})"

COLUMNS: Final = (
    "number, run_id, thread_id, graph, status, attempt, crashes, worker, stop, created_at, attached,"
    " max_steps, configurable, on_busy, answers, checkpoint_id, digest, title, input_type, input, last,"
    " output, owner, submission"
)

GET: Final = f"""
SELECT {COLUMNS} FROM seltzer.runs
WHERE run_id = %(run_id)s AND (%(owner)s::text IS NULL OR owner = %(owner)s)
"""
GET_FOR_UPDATE: Final = f"{GET} FOR NO KEY UPDATE"
STATUSES: Final = "SELECT run_id, status, attempt, last FROM seltzer.runs WHERE run_id = ANY(%s)"

_INSERT: Final = """
INSERT INTO seltzer.runs (run_id, thread_id, graph, status, attempt, has_touched, worker, process,
    lease_until, started_at, created_at, attached, max_steps, configurable, on_busy, answers, checkpoint_id,
    digest, title, input_type, input, owner, submission, requested_by, requested_until)
SELECT %(run_id)s, %(thread_id)s, %(graph)s, %(status)s, %(attempt)s::integer, %(attempt)s::integer > 0,
    %(worker)s::text, %(process)s::integer,
    CASE WHEN %(worker)s::text IS NOT NULL THEN seltzer.clock() + make_interval(secs => %(ttl_s)s) END,
    CASE WHEN %(worker)s::text IS NOT NULL THEN seltzer.clock() END,
    seltzer.clock(), %(attached)s, %(max_steps)s, %(configurable)s::bytea, %(on_busy)s, %(answers)s::bytea,
    %(checkpoint_id)s::text, %(digest)s, %(title)s, %(input_type)s::text, %(input)s::bytea, %(owner)s,
    %(submission)s,
    %(requested_by)s::text,
    CASE WHEN %(requested_by)s::text IS NOT NULL THEN seltzer.clock() + make_interval(secs => %(ttl_s)s) END
"""
# Of a thread that is another owner's, the number becomes NULL, which its column refuses.
_WITH_THREAD: Final = """
WITH run AS (%s RETURNING number, created_at), thread AS (
    INSERT INTO seltzer.threads
        (thread_id, graph, title, title_folded, created_at, updated_at, number, owner)
    SELECT %%(thread_id)s, %%(graph)s, %%(title)s, %%(title_folded)s, created_at, created_at, number,
        %%(owner)s FROM run
    ON CONFLICT (thread_id) DO UPDATE SET
        graph = excluded.graph, updated_at = excluded.updated_at,
        number = CASE WHEN threads.owner = excluded.owner THEN greatest(threads.number, excluded.number) END,
        title = CASE WHEN threads.title = '' THEN excluded.title ELSE threads.title END,
        title_folded = CASE WHEN threads.title = '' THEN excluded.title_folded ELSE threads.title_folded END
    RETURNING xmax = 0 AS is_new
)
SELECT number, created_at, is_new FROM run, thread
"""
SUBMIT: Final = _WITH_THREAD % _INSERT
# The usual case in one statement: nothing is active on the thread, and no question is open there. No row:
# it is another case, or became one meanwhile.
_IS_USUAL: Final = f"""
WHERE NOT EXISTS (
    SELECT 1 FROM seltzer.runs WHERE thread_id = %(thread_id)s AND {ACTIVE}
) AND 'interrupted' IS DISTINCT FROM (
    SELECT status FROM seltzer.runs WHERE thread_id = %(thread_id)s AND {COUNTS} ORDER BY number DESC LIMIT 1
) AND NOT EXISTS (
    SELECT 1 FROM seltzer.deleted_runs WHERE run_id = %(run_id)s
)
ON CONFLICT DO NOTHING
"""
SUBMIT_USUAL: Final = _WITH_THREAD % f"{_INSERT} {_IS_USUAL}"

LOCK_THREAD: Final = "SELECT pg_advisory_xact_lock(%s, hashtext(%s))"
RIVALS: Final = f"""
SELECT {COLUMNS} FROM seltzer.runs WHERE run_id = %(run_id)s OR number IN (
    SELECT number FROM seltzer.runs WHERE thread_id = %(thread_id)s AND {ACTIVE}
) OR number = (
    SELECT number FROM seltzer.runs WHERE thread_id = %(thread_id)s AND {COUNTS} ORDER BY number DESC LIMIT 1
)
ORDER BY number
FOR NO KEY UPDATE
"""
IS_DELETED: Final = """
SELECT 1 FROM seltzer.deleted_runs WHERE run_id = %s AND deleted_at > seltzer.clock() - interval '1 day'
"""
WAITING: Final = "SELECT count(*) FROM seltzer.runs WHERE status = 'pending'"

# Of a graph that the process has, or of one that no other has claimed for long.
_IS_OF = """
(%(graphs)s::text[] IS NULL OR graph = ANY(%(graphs)s)
    OR {since} <= seltzer.clock() - make_interval(secs => %(orphan_s)s))
"""
# What is claimed is locked against those who append to its log, and against other claims.
EXPIRED: Final = f"""
SELECT number FROM seltzer.runs
WHERE status = 'running' AND (%(has_settled)s AND lease_until <= seltzer.clock() OR {IS_DEAD})
    AND {_IS_OF.format(since="lease_until")}
ORDER BY number LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
_WAITS_SINCE = """
greatest(created_at, requested_until, (
    SELECT updated_at FROM seltzer.threads WHERE threads.thread_id = waiting.thread_id
))"""
WAITING_FIRST: Final = f"""
SELECT number FROM seltzer.runs AS waiting WHERE status = 'pending' AND NOT EXISTS (
    SELECT 1 FROM seltzer.runs AS other WHERE other.thread_id = waiting.thread_id
        AND (other.status = 'running' OR other.status = 'pending' AND other.number < waiting.number)
) AND (requested_by IS NULL OR requested_by = %(worker)s OR requested_until <= seltzer.clock())
    AND {_IS_OF.format(since=_WAITS_SINCE)}
ORDER BY number LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
_AGE: Final = "extract(epoch FROM seltzer.clock() - created_at)::float8 AS age_s"
START_ATTEMPTS: Final = f"""
UPDATE seltzer.runs SET crashes = crashes + (status = 'running')::integer, status = 'running',
    attempt = attempt + 1, has_touched = true, worker = %(worker)s, process = %(process)s,
    lease_until = seltzer.clock() + make_interval(secs => %(ttl_s)s), started_at = seltzer.clock(),
    submission = %(token)s
WHERE number = ANY(%(numbers)s) RETURNING {COLUMNS}, {_AGE}
"""
CLAIMED: Final = f"""
SELECT {COLUMNS}, {_AGE} FROM seltzer.runs
WHERE status = 'running' AND worker = %(worker)s AND submission = %(token)s
"""
RENEW: Final = """
WITH renewed AS (
    UPDATE seltzer.runs SET lease_until = seltzer.clock() + make_interval(secs => %s), process = %s
    FROM unnest(%s::text[], %s::integer[], %s::text[]) AS given (run_id, attempt, worker)
    WHERE runs.run_id = given.run_id AND runs.attempt = given.attempt AND runs.worker = given.worker
        AND status = 'running'
    RETURNING runs.run_id, stop
) SELECT run_id, stop FROM renewed
"""
RENEW_REQUESTS: Final = """
UPDATE seltzer.runs SET requested_until = seltzer.clock() + make_interval(secs => %s)
WHERE status = 'pending' AND requested_by = %s
"""

_END: Final = """
ended AS (
    UPDATE seltzer.runs SET status = %(status)s, attempt = %(attempt)s, last = %(last)s, output = %(output)s,
        worker = NULL, process = NULL, lease_until = NULL, stop = NULL, input_type = NULL, input = NULL,
        has_touched = has_touched AND %(touched)s, ended_at = seltzer.clock(), stats = %(stats)s,
        events_expire_at = seltzer.clock() + make_interval(secs => %(retention_s)s)
    WHERE {which} RETURNING number, thread_id, has_touched
), thread AS (
    UPDATE seltzer.threads SET updated_at = seltzer.clock(),
        number = CASE WHEN threads.number = ended.number
            THEN coalesce(before.number, threads.number) ELSE threads.number END,
        graph = CASE WHEN threads.number = ended.number
            THEN coalesce(before.graph, threads.graph) ELSE threads.graph END
    FROM ended LEFT JOIN LATERAL (
        SELECT number, graph FROM seltzer.runs
        WHERE NOT ended.has_touched AND runs.thread_id = ended.thread_id AND runs.number <> ended.number
            AND {counts}
        ORDER BY number DESC LIMIT 1
    ) AS before ON true
    WHERE threads.thread_id = ended.thread_id
)"""
_LEASED: Final = """
run_id = %(run_id)s AND attempt = %(attempt)s AND worker = %(worker)s AND status = 'running'"""

# One row: whether others wait on the thread. None: there was no such run.
_ENDED: Final = f"""
WITH {_END}, log AS ({OF_RUN.format(source="ended")})
SELECT EXISTS (
    SELECT 1 FROM seltzer.runs WHERE runs.thread_id = ended.thread_id AND status = 'pending'
) AS has_waiting FROM ended
"""
FINISH: Final = _ENDED.format(which=_LEASED, counts=COUNTS)
END_PENDING: Final = _ENDED.format(which="number = %(number)s", counts=COUNTS)
# The requested_until of a run that nobody requests is when it was handed back.
HAND_BACK: Final = f"""
WITH back AS (
    UPDATE seltzer.runs SET status = 'pending', worker = NULL, process = NULL, lease_until = NULL,
        requested_until = seltzer.clock(), started_at = NULL
    WHERE {_LEASED} RETURNING number
), log AS ({OF_RUN.format(source="back")}) SELECT number FROM back
"""
STOP_RUNNING: Final = """
UPDATE seltzer.runs SET stop = CASE WHEN stop = 'rollback' THEN stop ELSE %s END WHERE number = %s
"""
