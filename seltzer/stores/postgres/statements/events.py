"""The statements on the log.

A row is what one flush writes of one run's attempt: a line an event, `seq kind json`. Only what follows the
run's last row is added, so that what is written twice is stored once.
"""

from typing import Final

# The given events, as rows to insert; of the runs in `source`, which has their numbers. What of a body
# is stored already is cut out of it.
_INSERT: Final = """
INSERT INTO seltzer.events (run, attempt, last_seq, upto, body)
SELECT number, given.attempt, given.last_seq, coalesce(head.upto, 0) + new.count, new.body
FROM {source} JOIN unnest(
    %(run_ids)s::text[], %(attempts)s::integer[], %(first_seqs)s::integer[], %(last_seqs)s::integer[],
    %(counts)s::integer[], %(bodies)s::bytea[]
) AS given (run_id, attempt, first_seq, last_seq, count, body) ON {condition}
LEFT JOIN LATERAL (
    SELECT attempt, last_seq, upto FROM seltzer.events WHERE run = number
    ORDER BY attempt DESC, last_seq DESC LIMIT 1
) AS head ON true
JOIN LATERAL (
    SELECT given.count, given.body
    WHERE head.upto IS NULL OR (given.attempt, given.first_seq) > (head.attempt, head.last_seq)
    UNION ALL
    SELECT count(*), string_agg(decode(line, 'escape'), '\\x0a'::bytea ORDER BY place)
    FROM string_to_table(encode(given.body, 'escape'), E'\\n') WITH ORDINALITY AS lines (line, place)
    WHERE given.attempt = head.attempt AND given.first_seq <= head.last_seq
        AND split_part(line, ' ', 1)::integer > head.last_seq
    HAVING count(*) > 0
) AS new ON true
"""

_OF_RUNNING: Final = _INSERT.format(
    source="running",
    condition="given.run_id = running.run_id AND given.attempt = running.attempt",
)

# An attempt whose row isn't running it writes nothing. The rows are locked as a claim of them would: no other
# attempt begins between this look and the commit. It waits for the disk: a database that crashed would lose
# the last that it had accepted, and the attempt, which lives on, would write what follows behind the hole.
APPEND: Final = f"""
WITH running AS MATERIALIZED (
    SELECT number, run_id, attempt FROM seltzer.runs WHERE run_id = ANY(%(distinct)s) AND status = 'running'
    ORDER BY number FOR KEY SHARE
), added AS (
    {_OF_RUNNING} RETURNING run, upto
), cut AS (
    DELETE FROM seltzer.events USING added
    WHERE events.run = added.run AND events.upto <= added.upto - 2 * %(limit)s
)
SELECT run_id, attempt, pg_notify(%(channel)s, %(hint)s) FROM running
"""
# Within a statement that has changed a run's row, `source`: all given events are that run's.
OF_RUN: Final = _INSERT.format(source="{source}", condition="true")

READ: Final = """
SELECT asked.run_id, head.upto AS total, rest.attempt, rest.upto, rest.body
FROM unnest(%s::text[], %s::integer[], %s::integer[]) WITH ORDINALITY AS asked (run_id, attempt, seq, place)
JOIN seltzer.runs USING (run_id)
JOIN LATERAL (
    SELECT upto FROM seltzer.events WHERE run = number ORDER BY attempt DESC, last_seq DESC LIMIT 1
) AS head ON true
LEFT JOIN LATERAL (
    SELECT attempt, last_seq, upto, body FROM seltzer.events
    WHERE run = number AND (events.attempt, events.last_seq) > (asked.attempt, asked.seq)
) AS rest ON true
WHERE events_expire_at IS NULL OR events_expire_at > seltzer.clock()
ORDER BY place, rest.attempt, rest.last_seq
"""
# Every process sweeps: what another one is deleting is left to it.
SWEEP: Final = """
WITH expired AS (
    SELECT number FROM seltzer.runs WHERE events_expire_at <= seltzer.clock()
    ORDER BY events_expire_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM seltzer.events USING expired WHERE run = number
)
UPDATE seltzer.runs SET events_expire_at = NULL FROM expired WHERE runs.number = expired.number
RETURNING runs.number, set_config('synchronous_commit', 'off', true)
"""
