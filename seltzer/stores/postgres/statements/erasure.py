"""The statements that erase what was deleted with its thread."""

from typing import Final

# Raised by the trigger on threads, for one whose earlier namesake isn't erased yet.
UNFINISHED: Final = "SZ001"

NOTE_RUNS: Final = """
INSERT INTO seltzer.deleted_runs SELECT run_id, seltzer.clock() FROM seltzer.runs
WHERE thread_id = %(thread_id)s AND digest <> ''
ON CONFLICT (run_id) DO UPDATE SET deleted_at = excluded.deleted_at
"""
MARK: Final = """
INSERT INTO seltzer.erased_threads (thread_id, runs)
SELECT %(thread_id)s, coalesce(array_agg(number), '{}') FROM seltzer.runs WHERE thread_id = %(thread_id)s
"""
DELETE_THREAD: Final = "DELETE FROM seltzer.threads WHERE thread_id = %(thread_id)s"  # its runs go with it

# Whoever erases has the mark's row locked: nothing is erased that was written after the mark was removed.
LOCK: Final = "SELECT runs FROM seltzer.erased_threads WHERE thread_id = %s FOR UPDATE"
UNMARK: Final = "DELETE FROM seltzer.erased_threads WHERE thread_id = %s"
MARKED: Final = "SELECT thread_id FROM seltzer.erased_threads"

# Some rows, until they have so many bytes or a little more: what is stored out of line isn't read for that.
_ERASE: Final = """
DELETE FROM seltzer.{table} WHERE ctid = ANY(ARRAY(
    SELECT place FROM (
        SELECT place, sum(size) OVER (ROWS UNBOUNDED PRECEDING) - size AS before FROM (
            SELECT ctid AS place, pg_column_size({content}) AS size FROM seltzer.{table}
            WHERE {which} LIMIT %(rows)s
        ) AS first_rows
    ) AS sized WHERE before < %(bytes)s
)) RETURNING pg_column_size({content}) AS size
"""
_OF_THREAD: Final = "thread_id = %(thread_id)s"
# The checkpoints go first: nobody finds one whose messages are missing.
ERASE_STATES: Final = tuple(
    _ERASE.format(table=table, content=content, which=_OF_THREAD)
    for table, content in (
        ("checkpoints", "checkpoint"),
        ("writes", "value"),
        ("messages", "blob"),
        ("message_numbers", "epoch"),
    )
)
ERASE_EVENTS: Final = _ERASE.format(table="events", content="body", which="run = ANY(%(runs)s::bigint[])")

SWEEP_DELETED_RUNS: Final = """
DELETE FROM seltzer.deleted_runs WHERE run_id IN (
    SELECT run_id FROM seltzer.deleted_runs WHERE deleted_at <= seltzer.clock() - interval '1 day'
    LIMIT %s FOR UPDATE SKIP LOCKED
)
"""
