"""The statements on the processes: each has an advisory lock while it lives."""

from typing import Final

LOCKS: Final = 0x53454C55  # the first half of the processes' advisory locks

_LOCKED: Final = """
SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid::bigint = {locks}
"""
# Who is alive, who is executing runs and until when by the newest lease, and whether a lease has run out.
LOOK: Final = f"""
SELECT ARRAY({_LOCKED.format(locks="%s")}) AS alive, processes, untils,
    EXISTS(
        SELECT 1 FROM seltzer.runs WHERE status = 'running' AND lease_until <= seltzer.clock()
    ) AS has_expired
FROM (
    SELECT coalesce(array_agg(process::bigint), '{{}}') AS processes,
        coalesce(array_agg(until), '{{}}') AS untils
    FROM (
        SELECT process, max(lease_until) AS until FROM seltzer.runs
        WHERE status = 'running' AND process IS NOT NULL GROUP BY process
    ) AS each
) AS executing
"""
# In a WHERE on runs: of a process that was seen to have died, is dead still, and hasn't renewed since.
IS_DEAD: Final = f"""(
    EXISTS (
        SELECT 1 FROM unnest(%(gone)s::bigint[], %(gone_until)s::timestamptz[]) AS dead (key, until)
        WHERE dead.key = process AND lease_until <= dead.until
    ) AND process NOT IN ({_LOCKED.format(locks=LOCKS)})
)"""
