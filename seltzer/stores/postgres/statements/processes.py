"""The statements on the processes: each has an advisory lock while it lives."""

from typing import Final

LOCKS: Final = 0x53454C55  # the first half of the processes' advisory locks

_LOCKED: Final = """
SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid::bigint = {locks}
"""
# Who is alive, who is executing runs, and whether a lease has run out.
LOOK: Final = f"""
SELECT ARRAY({_LOCKED.format(locks="%s")}) AS alive,
    ARRAY(
        SELECT DISTINCT process::bigint FROM seltzer.runs WHERE status = 'running' AND process IS NOT NULL
    ) AS executing,
    EXISTS(
        SELECT 1 FROM seltzer.runs WHERE status = 'running' AND lease_until <= seltzer.clock()
    ) AS has_expired
"""
# In a WHERE on runs: of a process that was seen to have died, and is dead still.
IS_DEAD: Final = f"process = ANY(%(gone)s) AND process NOT IN ({_LOCKED.format(locks=LOCKS)})"
